//! 3GPP's own OpenAPI documents (Release 18). They are 3GPP's copyright and no part of this repository: `WEIR_3GPP` names the
//! folder that holds them, or they are looked for beside the repository.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

pub(crate) struct Schemas {
    folder: PathBuf,
    documents: BTreeMap<String, Value>,
}

impl Schemas {
    /// Nothing where there are none; then the test says so.
    pub(crate) fn find() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let places = ["../shared/data/3gpp", "../../shared/data/3gpp"].map(|place| root.join(place));
        let named = env::var_os("WEIR_3GPP").map(PathBuf::from);
        let found =
            named.into_iter().chain(places).find(|place| place.join("TS28541_SliceNrm.yaml").exists());
        let Some(folder) = found else {
            println!("skipped: no OpenAPI documents of 3GPP (set WEIR_3GPP to their folder)");
            return None;
        };
        let mut documents = BTreeMap::new();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            // one of them has a tab where YAML has none; what refers to it cannot be built, and fails
            let Ok(read) = serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&text.replace('\t', "  ")) else {
                println!("{name} is not YAML");
                continue;
            };
            let mut document = to_json(&read);
            plain(&mut document);
            documents.insert(name, document);
        }
        Some(Self { folder, documents })
    }

    fn validator(&self, file: &str, schema: &str) -> jsonschema::Validator {
        let address = |name: &str| format!("file:///3gpp/{name}");
        assert!(self.documents.contains_key(file), "{} lacks {file}", self.folder.display());
        let mut options = jsonschema::options().with_draft(jsonschema::Draft::Draft7);
        for (name, document) in &self.documents {
            let resource = jsonschema::Draft::Draft7.create_resource(document.clone());
            options = options.with_resource(address(name), resource);
        }
        let root = json!({ "$ref": format!("{}#/components/schemas/{schema}", address(file)) });
        options.build(&root).unwrap_or_else(|error| panic!("{file} {schema}: {error}"))
    }

    pub(crate) fn takes(&self, file: &str, schema: &str, document: &Value) -> bool {
        self.validator(file, schema).is_valid(document)
    }

    pub(crate) fn check(&self, file: &str, schema: &str, document: &Value) {
        let validator = self.validator(file, schema);
        let wrong: Vec<String> = validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path))
            .collect();
        assert!(wrong.is_empty(), "{schema} of {file}: {wrong:#?}");
    }
}

/// YAML's maps may have keys that are no text, and its scalars types that JSON lacks.
fn to_json(value: &serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(boolean) => json!(boolean),
        Yaml::Number(number) => number
            .as_i64()
            .map(|number| json!(number))
            .or_else(|| number.as_u64().map(|number| json!(number)))
            .unwrap_or_else(|| json!(number.as_f64())),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(list) => Value::Array(list.iter().map(to_json).collect()),
        Yaml::Mapping(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let key = key.as_str().map_or_else(|| to_json(key).to_string(), str::to_owned);
                    (key, to_json(value))
                })
                .collect(),
        ),
        Yaml::Tagged(tagged) => to_json(&tagged.value),
    }
}

/// What OpenAPI 3.0 says otherwise than JSON Schema: `nullable` stands beside `type`.
fn plain(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(plain),
        Value::Object(map) => {
            map.values_mut().for_each(plain);
            if map.remove("nullable") == Some(Value::Bool(true))
                && let Some(kind) = map.get("type").cloned()
            {
                map.insert("type".into(), json!([kind, "null"]));
            }
            // the references are to files beside
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && !reference.starts_with('#')
            {
                *reference = format!("file:///3gpp/{reference}");
            }
        }
        _ => {}
    }
}
