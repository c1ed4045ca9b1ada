//! A cluster's folder in the output tree: a kustomization, and one policy in each file that it names.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    Unread,
    decode::decode,
    model::{PolicyModel, explicit},
    objects::{Object, object},
    yaml::{Node, Wrong, documents},
};

/// The file that names the others.
const KUSTOMIZATION: &str = "kustomization.yaml";

/// `kustomize.config.k8s.io/v1beta1` `Kustomization` without anything that changes what it names.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    api_version: String,
    kind: String,
    resources: Vec<String>,
    sort_options: SortOptions,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SortOptions {
    order: String,
}

/// Reads a cluster's folder: each file by its path in the folder, and its text. `root` is the folder's own path, for messages.
///
/// # Errors
/// The first thing that is not in the normal form, that an API server would refuse, or that `kubectl apply -k` would leave
/// out.
pub fn read_folder(root: &str, files: &[(&str, &str)]) -> Result<PolicyModel, Unread> {
    let whole = |path: &str, what: String| Unread { file: format!("{root}/{path}"), line: 0, what };
    let Some((_, text)) = files.iter().find(|(path, _)| *path == KUSTOMIZATION) else {
        return Err(whole(KUSTOMIZATION, "is missing".into()));
    };
    let (node, kustomization) = kustomization(text).map_err(|wrong| Unread {
        file: format!("{root}/{KUSTOMIZATION}"),
        line: wrong.line,
        what: wrong.what,
    })?;
    let mut named = BTreeSet::new();
    for path in &kustomization.resources {
        if !named.insert(path.as_str()) {
            let what = format!("names `{path}` twice");
            return Err(Unread { file: format!("{root}/{KUSTOMIZATION}"), line: node.line, what });
        }
    }
    let mut model = PolicyModel::default();
    let mut objects = BTreeSet::new();
    let mut sorted: Vec<&(&str, &str)> = files.iter().filter(|(path, _)| *path != KUSTOMIZATION).collect();
    sorted.sort_unstable();
    for (path, text) in sorted {
        if !named.remove(path) {
            return Err(whole(path, "is not named in the kustomization: nobody would apply it".into()));
        }
        let file = format!("{root}/{path}");
        let unread = |wrong: Wrong| Unread { file: file.clone(), line: wrong.line, what: wrong.what };
        let documents = documents(text).map_err(unread)?;
        let [node] = documents.as_slice() else {
            return Err(whole(path, format!("holds {} objects, and not one", documents.len())));
        };
        let metadata = match object(node).map_err(unread)? {
            Object::NetworkPolicy(policy) => {
                model.add(&file, node, &policy)?;
                policy.metadata
            }
            Object::ClusterNetworkPolicy(policy) => {
                model.add_guard_rail(&file, node, &policy)?;
                policy.metadata
            }
            Object::Pod(_) => return Err(whole(path, "is no policy".into())),
        };
        if !objects.insert((metadata.namespace, metadata.name.clone())) {
            return Err(whole(path, format!("there is another policy `{}`", metadata.name)));
        }
    }
    match named.first() {
        Some(missing) => Err(whole(missing, "is missing, and the kustomization names it".into())),
        None => Ok(model),
    }
}

fn kustomization(text: &str) -> Result<(Node, Kustomization), Wrong> {
    let mut found = documents(text)?;
    let (Some(node), None) = (found.pop(), found.pop()) else {
        return Err(Wrong { line: 0, what: "a kustomization is one document".into() });
    };
    explicit(&node)?;
    let read: Kustomization = decode(&node)?;
    let known = read.api_version == "kustomize.config.k8s.io/v1beta1"
        && read.kind == "Kustomization"
        && read.sort_options.order == "fifo";
    if !known {
        return Err(Wrong {
            line: node.line,
            what: "no `Kustomization` that keeps its order (`fifo`)".into(),
        });
    }
    Ok((node, read))
}
