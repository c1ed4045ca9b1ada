//! A package as a git revision has it, read by `git`'s plumbing: neither the work tree nor the index is touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use weir_compiler::{Sources, imports, package::MANIFEST};
use weir_syntax::{Diagnostic, diagnostic::codes, lexer::MAX_FILE_SIZE};
use weir_targets::Manifest;

use crate::{failure::Failure, load};

/// `REVISION` or `REVISION:FOLDER`, the folder from the repository's root.
#[derive(Clone, Debug)]
pub(crate) struct Revision<'r> {
    revision: &'r str,
    folder: Option<&'r str>,
}

impl<'r> Revision<'r> {
    /// What stands behind `git:`.
    pub(crate) fn parse(text: &'r str) -> Result<Self, Failure> {
        let (revision, folder) = match text.split_once(':') {
            Some((revision, folder)) => {
                let folder = folder.trim_end_matches('/');
                (
                    revision,
                    Some(folder.strip_prefix("./").unwrap_or(folder))
                        .map(|one| if one == "." { "" } else { one }),
                )
            }
            None => (text, None),
        };
        // a revision is no option of git's
        if revision.is_empty() || revision.starts_with('-') {
            return Err(Failure::usage(format!("`git:{text}` names no revision"))
                .with_help("write `git:main`, `git:HEAD~1`, or `git:v1.2:plants/nord`"));
        }
        Ok(Self { revision, folder })
    }

    /// The package at this revision. Without a folder, it is the one in which `here` lies now; of a bare repository, it is
    /// the root.
    pub(crate) fn load(&self, here: &Path) -> Result<Sources, Failure> {
        let is_bare = git(here, &["rev-parse", "--is-bare-repository"])
            .map_err(|error| error.with_help("run it inside of the git repository that holds the package"))?;
        let is_bare = is_bare.starts_with(b"true");
        let top = if is_bare {
            here.to_owned()
        } else {
            let top = git(here, &["rev-parse", "--show-toplevel"])?;
            PathBuf::from(String::from_utf8_lossy(&top).trim_end_matches('\n'))
        };
        let commit = format!("{}^{{commit}}", self.revision);
        let commit = resolve(&top, &commit)?.ok_or_else(|| {
            Failure::environment(format!("there is no revision `{}` in `{}`", self.revision, top.display()))
                .with_help("`git fetch` it, or look for its name with `git log --oneline`")
        })?;
        let folder = match self.folder {
            Some(folder) => folder.to_owned(),
            None if is_bare => String::new(),
            None => below(&top, here)?,
        };
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let listed = git(&top, &["ls-tree", "-r", "-z", "--full-tree", &commit])?;
        let Listed { entries, unfollowed } = self::entries(&top, &listed, &below)?;
        if !entries.iter().any(|entry| entry.path == MANIFEST) {
            let shown = if folder.is_empty() { "." } else { &folder };
            return Err(Failure::environment(format!(
                "revision `{}` has no package in `{shown}`: there is no `{MANIFEST}`",
                self.revision
            ))
            .with_help(format!(
                "if it was elsewhere then, name the folder: `git:{}:FOLDER`",
                self.revision
            )));
        }
        let mut sources = sources(&top, &entries)?;
        sources.diagnostics.extend(unfollowed);
        Ok(sources)
    }
}

/// A name that is a branch and a tag as well would mean what whoever made the later one wants.
fn resolve(folder: &Path, name: &str) -> Result<Option<String>, Failure> {
    let arguments = ["-c", "core.warnAmbiguousRefs=true", "rev-parse", "--verify", "--end-of-options", name];
    let output = command(folder, &arguments).output().map_err(|error| missing(&error))?;
    if String::from_utf8_lossy(&output.stderr).contains("is ambiguous") {
        let revision = name.split([':', '^']).next().unwrap_or(name);
        return Err(Failure::environment(format!("`{revision}` names more than one revision"))
            .with_help("write `refs/heads/…`, `refs/remotes/…` or `refs/tags/…`, or the commit"));
    }
    let object = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(output.status.success().then_some(object))
}

/// One file of a revision, by `REVISION:PATH`, the path from the repository's root.
pub(crate) fn text(place: &str) -> Result<String, Failure> {
    let here = Path::new(".");
    let Some((revision, path)) = place
        .split_once(':')
        .filter(|(revision, path)| !revision.is_empty() && !revision.starts_with('-') && !path.is_empty())
    else {
        return Err(Failure::usage(format!("`git:{place}` names no file of a revision"))
            .with_help("write `git:main:ci/envelope.weir`, the path from the repository's root"));
    };
    let object = resolve(here, place)?.ok_or_else(|| {
        Failure::environment(format!("there is no `{path}` in revision `{revision}`")).with_help(
            "give the path from the repository's root; `git ls-tree -r --name-only REVISION` lists all",
        )
    })?;
    let bytes = git(here, &["cat-file", "blob", &object])?;
    String::from_utf8(bytes).map_err(|_| Failure::environment(format!("`git:{place}` is not UTF-8")))
}

/// Where the package lies in the repository.
fn below(top: &Path, here: &Path) -> Result<String, Failure> {
    let real = std::fs::canonicalize(here).map_err(|error| Failure::io("read", here, &error))?;
    let top = std::fs::canonicalize(top).map_err(|error| Failure::io("read", top, &error))?;
    let below = real.strip_prefix(&top).map_err(|_| {
        Failure::environment(format!(
            "`{}` lies outside of the repository `{}`",
            real.display(),
            top.display()
        ))
    })?;
    Ok(below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// A file of the package.
#[derive(Debug)]
struct Entry {
    path: String,
    object: String,
    is_link: bool,
}

struct Listed {
    entries: Vec<Entry>,
    /// Linked folders and submodules in which policies may lie.
    unfollowed: Vec<Diagnostic>,
}

/// The package's files, by the same rules as on disk: no hidden ones, no packages inside of it, no build output.
fn entries(top: &Path, listed: &[u8], below: &str) -> Result<Listed, Failure> {
    let (mut entries, mut modules, mut all): (Vec<Entry>, Vec<&str>, Vec<(&str, bool)>) = Default::default();
    let mut unfollowed: Vec<Diagnostic> = Vec::new();
    let lines = listed.split(|byte| *byte == 0).filter_map(|line| match std::str::from_utf8(line) {
        Ok(line) => Some(line),
        Err(_) => {
            let path = line.splitn(2, |byte| *byte == b'\t').nth(1).unwrap_or_default();
            if let Some(path) = path.strip_prefix(below.as_bytes()).filter(|path| path.ends_with(b".weir")) {
                unfollowed.push(unnamed(path));
            }
            None
        }
    });
    for line in lines {
        let Some((head, whole)) = line.split_once('\t') else { continue };
        all.push((whole, head.starts_with("100")));
        let Some(path) = whole.strip_prefix(below) else { continue };
        let mut head = head.split(' ');
        match (head.next(), head.next(), head.next()) {
            (Some(mode), Some("blob"), Some(object)) => entries.push(Entry {
                path: path.to_owned(),
                object: object.to_owned(),
                is_link: mode == "120000",
            }),
            (_, Some("commit"), _) => modules.push(path),
            _ => {}
        }
    }
    let trees = built(top, &entries)?;
    let foreign: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| {
            let folder = entry.path.strip_suffix(MANIFEST).filter(|folder| folder.ends_with('/'));
            folder.or_else(|| trees.get(entry.path.as_str()).copied())
        })
        .map(str::to_owned)
        .collect();
    let is_foreign = |path: &str| {
        path.split('/').any(|part| part.starts_with('.'))
            || path.starts_with("target/")
            || path.match_indices('/').any(|(end, _)| foreign.contains(&path[..=end]))
    };
    entries.retain(|entry| !is_foreign(&entry.path));
    unfollowed
        .extend(modules.into_iter().filter(|path| !is_foreign(path)).map(|path| unread(path, "a submodule")));
    let links: Vec<&Entry> = entries.iter().filter(|entry| entry.is_link && !is_own(entry)).collect();
    if !links.is_empty() {
        let objects: Vec<&str> = links.iter().map(|entry| entry.object.as_str()).collect();
        for (entry, target) in links.into_iter().zip(blobs(top, &objects)?) {
            let place = format!("{below}{}", entry.path);
            if may_hold_policies(&place, &String::from_utf8_lossy(&target), &all) {
                unfollowed.push(unread(&entry.path, "a link"));
            }
        }
    }
    Ok(Listed { entries, unfollowed })
}

/// The folders of trees that Weir built, by their manifests' paths. Other files have that name as well.
fn built<'e>(top: &Path, entries: &'e [Entry]) -> Result<BTreeMap<&'e str, &'e str>, Failure> {
    let named: Vec<(&Entry, &str)> = entries
        .iter()
        .filter_map(|entry| Some((entry, entry.path.strip_suffix(weir_targets::MANIFEST)?)))
        .filter(|(entry, folder)| folder.ends_with('/') && !entry.is_link)
        .collect();
    if named.is_empty() {
        return Ok(BTreeMap::new());
    }
    let objects: Vec<&str> = named.iter().map(|(entry, _)| entry.object.as_str()).collect();
    let contents = blobs(top, &objects)?;
    let found = named.into_iter().zip(contents).filter(|(_, bytes)| Manifest::parse(bytes).is_some());
    Ok(found.map(|((entry, folder), _)| (entry.path.as_str(), folder)).collect())
}

/// Whether a link leads to a folder with policies, to what is followed no further, or out of the repository. `all` are its
/// files, with whether they are plain ones.
fn may_hold_policies(link: &str, target: &str, all: &[(&str, bool)]) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut place: Vec<&str> = link.split('/').collect();
    place.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if place.pop().is_none() => return true,
            ".." => {}
            name => place.push(name),
        }
    }
    let place = place.join("/");
    let leads_on =
        |path: &str| path == place || place.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    let below = if place.is_empty() { String::new() } else { format!("{place}/") };
    all.iter().any(|(path, is_plain)| match path.strip_prefix(below.as_str()) {
        Some(_) => !is_plain || path.as_bytes().ends_with(b".weir"),
        None => !is_plain && leads_on(path),
    })
}

/// Whether a file is the manifest or a policy.
fn is_own(entry: &Entry) -> bool {
    entry.path == MANIFEST || entry.path.as_bytes().ends_with(b".weir")
}

/// Whether a file is imported by this path: it is that file, or lies below it and ends as imported files do.
fn is_imported(entry: &Entry, path: &str) -> bool {
    let below = entry.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
    entry.path == path || (below && imports::ENDINGS.iter().any(|ending| entry.path.ends_with(ending)))
}

fn sources(top: &Path, entries: &[Entry]) -> Result<Sources, Failure> {
    let own: Vec<&Entry> = entries.iter().filter(|entry| is_own(entry)).collect();
    let objects: Vec<&str> = own.iter().map(|entry| entry.object.as_str()).collect();
    let blobs = blobs(top, &objects)?;
    let mut manifest = String::new();
    let mut files = Vec::new();
    let mut problems: Vec<Diagnostic> = Vec::new();
    for (entry, bytes) in own.into_iter().zip(blobs) {
        if entry.is_link {
            problems.push(unread(&entry.path, "a link"));
        } else if bytes.len() > MAX_FILE_SIZE {
            problems.push(load::Unread::TooLarge(bytes.len() as u64).diagnostic(&entry.path));
        } else if entry.path == MANIFEST {
            match String::from_utf8(bytes) {
                Ok(text) => manifest = text,
                Err(_) => problems.push(Diagnostic::new(&codes::E0002, format!("`{MANIFEST}` is not UTF-8"))),
            }
        } else if entry.path.starts_with("std/") {
            problems.push(load::reserved(&entry.path));
        } else {
            files.push((entry.path.clone(), bytes));
        }
    }
    let mut sources = Sources::new(&manifest, files);
    let wanted = imports::wanted(&sources);
    let imported: Vec<&Entry> =
        entries.iter().filter(|entry| wanted.iter().any(|path| is_imported(entry, path))).collect();
    let objects: Vec<&str> = imported.iter().map(|entry| entry.object.as_str()).collect();
    let contents = if objects.is_empty() { Vec::new() } else { self::blobs(top, &objects)? };
    for (entry, bytes) in imported.into_iter().zip(contents) {
        if entry.is_link {
            problems.push(unread(&entry.path, "a link"));
        } else if bytes.len() > MAX_FILE_SIZE {
            problems.push(load::Unread::TooLarge(bytes.len() as u64).diagnostic(&entry.path));
        } else {
            sources.import(entry.path.clone(), bytes);
        }
    }
    sources.diagnostics.extend(problems);
    Ok(sources)
}

/// On disk, that is an error as well.
fn unnamed(path: &[u8]) -> Diagnostic {
    let shown = String::from_utf8_lossy(path);
    Diagnostic::new(&codes::E0001, format!("the name of `{shown}` is not UTF-8")).help("rename the file")
}

fn unread(path: &str, what: &str) -> Diagnostic {
    Diagnostic::new(&codes::E0001, format!("`{path}` is {what}, which a revision does not follow"))
        .help("compare with a checkout of that revision: `git worktree add`")
}

/// The contents of objects, by one process.
fn blobs(top: &Path, objects: &[&str]) -> Result<Vec<Vec<u8>>, Failure> {
    let failed = |what: &str| Failure::environment(format!("`git cat-file` failed: {what}"));
    let mut child = command(top, &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| missing(&error))?;
    let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no pipes"));
    };
    let wanted = objects.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(wanted.as_bytes()));
    let mut all = Vec::new();
    let read = output.read_to_end(&mut all);
    let _ = writer.join(); // a failed write leaves objects out, which is seen below
    let _ = child.wait();
    read.map_err(|error| failed(&error.to_string()))?;
    let mut rest = all.as_slice();
    let mut contents = Vec::with_capacity(objects.len());
    for object in objects {
        let cut_short = || failed(&format!("object {object} is missing"));
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(cut_short)?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size =
            head.rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()).ok_or_else(cut_short)?;
        let body = rest.get(end + 1..end + 1 + size).ok_or_else(cut_short)?;
        contents.push(body.to_vec());
        rest = rest.get(end + 2 + size..).unwrap_or_default();
    }
    Ok(contents)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C");
    // what a revision holds is what was committed
    command.env("GIT_NO_REPLACE_OBJECTS", "1");
    command
}

fn missing(error: &std::io::Error) -> Failure {
    Failure::environment(format!("cannot run `git`: {}", crate::failure::cause(error)))
        .with_help("install git, or compare two folders")
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    let output = command(folder, arguments).output().map_err(|error| missing(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("fatal: ");
        let act = arguments.first().copied().unwrap_or_default();
        return Err(Failure::environment(format!("`git {act}` failed: {said}")));
    }
    Ok(output.stdout)
}
