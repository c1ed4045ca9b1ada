//! The one thread that owns packages and texts. It does nothing long: what takes time, it hands to the pool.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;
use salsa::Cancelled;
use tower_lsp::{
    jsonrpc::{Error, ErrorCode},
    ls_types::{FileChangeType, FileEvent, TextDocumentContentChangeEvent, Uri},
};
use weir_compiler::package::MANIFEST;
use weir_files::load;
use weir_ide::{Facts, Host};

use crate::{
    asked::Ask,
    clock::now_in_seconds,
    configuration::Configuration,
    documents::Document,
    outbox::{Abilities, Message, Outbox},
    packages::{DEEPEST, Package, alone, is_package, is_source, say, search},
    places::{Place, Places},
    pool::{Pool, Urgency},
    position::Encoding,
    view::{View, below},
};

/// The path of a text without a file, in the package that is made for it.
pub(crate) const LOOSE: &str = "untitled.weir";
/// An edit waits so long for what was asked before it and is nearly there, so that fast typing does not starve answers.
const GRACE: Duration = Duration::from_millis(8);
/// Analyses that are likely to be noticed are announced: bytes of text.
const LARGE: usize = 1 << 20;

pub(crate) enum Event {
    Start {
        folders: Vec<PathBuf>,
        encoding: Encoding,
        abilities: Abilities,
        configuration: Configuration,
    },
    Open {
        uri: Uri,
        version: i32,
        text: String,
    },
    Change {
        uri: Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Close {
        uri: Uri,
    },
    Watched(Vec<FileEvent>),
    Folders {
        added: Vec<PathBuf>,
        removed: Vec<PathBuf>,
    },
    Configure(Configuration),
    Ask(Ask),
    /// `interrupted`: an edit came while files were still read.
    Analyzed {
        package: u64,
        generation: u64,
        facts: Option<Arc<Facts>>,
        interrupted: bool,
    },
    Stop,
}

pub(crate) struct Writer {
    events: Sender<Event>,
    outbox: Outbox,
    pool: Pool,
    packages: Vec<Package>,
    documents: FxHashMap<String, Document>,
    encoding: Encoding,
    abilities: Abilities,
    configuration: Arc<Configuration>,
    number: u64,
    /// The package that was last used.
    focus: u64,
    /// An analysis runs: the next one waits outside of the pool, for a view that waited there would hold up writes.
    analyzing: bool,
}

impl Writer {
    pub(crate) fn new(events: Sender<Event>, outbox: Outbox) -> Self {
        Self {
            events,
            outbox,
            pool: Pool::new(),
            packages: Vec::new(),
            documents: FxHashMap::default(),
            encoding: Encoding::default(),
            abilities: Abilities::default(),
            configuration: Arc::default(),
            number: 0,
            focus: 0,
            analyzing: false,
        }
    }

    /// Applies events in their order until the end.
    pub(crate) fn run(mut self, events: &Receiver<Event>) {
        loop {
            let due =
                self.packages.iter().filter_map(|package| package.due).filter(|_| !self.analyzing).min();
            let next = match due {
                Some(due) => events.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                // a bug in one event must not take the texts of all with it
                Ok(event) => {
                    if catch_unwind(AssertUnwindSafe(|| self.apply(event))).is_err() {
                        self.outbox.send(Message::Warn("Weir: internal error, please report".into()));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.analyze_due();
        }
    }

    fn apply(&mut self, event: Event) {
        self.number += 1;
        match event {
            Event::Start { folders, encoding, abilities, configuration } => {
                (self.encoding, self.abilities) = (encoding, abilities);
                self.configuration = Arc::new(configuration);
                for folder in &folders {
                    self.add_folder(folder);
                }
            }
            Event::Open { uri, version, text } => self.open(uri, version, text.into()),
            Event::Change { uri, version, changes } => self.change(&uri, version, changes),
            Event::Close { uri } => self.close(&uri),
            Event::Watched(changes) => changes.into_iter().for_each(|change| self.watched(&change)),
            Event::Folders { added, removed } => {
                for root in &removed {
                    let kept =
                        |package: &Package| package.root.as_ref().is_none_or(|own| !own.starts_with(root));
                    let open = |package: &Package| !package.open.is_empty();
                    self.packages.retain(|package| kept(package) || open(package));
                }
                for folder in &added {
                    self.add_folder(folder);
                }
            }
            Event::Configure(configuration) => {
                let virtual_documents = self.configuration.virtual_documents;
                self.configuration = Arc::new(Configuration { virtual_documents, ..configuration });
                self.outbox.send(Message::Refresh);
            }
            Event::Ask(ask) => self.ask(ask),
            Event::Analyzed { package, generation, facts, interrupted } => {
                self.analyzed(package, generation, facts, interrupted);
            }
            Event::Stop => {}
        }
    }

    // ---- packages ----

    fn add_folder(&mut self, folder: &Path) {
        if folder.ancestors().any(is_package) {
            self.package_around(folder);
            return;
        }
        let mut found = Vec::new();
        search(folder, DEEPEST, &mut found);
        for root in found {
            self.package_at(&root);
        }
    }

    /// The place of the package in the nearest folder with a manifest.
    fn package_around(&mut self, path: &Path) -> Option<usize> {
        let root = path.ancestors().find(|folder| is_package(folder))?.to_owned();
        Some(self.package_at(&root))
    }

    fn package_at(&mut self, root: &Path) -> usize {
        let known =
            self.packages.iter().position(|one| one.only.is_none() && one.root.as_deref() == Some(root));
        known.unwrap_or_else(|| {
            let sources = load::load(root).sources;
            self.insert(Host::new(sources), Some(root.to_owned()), None)
        })
    }

    fn insert(&mut self, host: Host, root: Option<PathBuf>, only: Option<String>) -> usize {
        let id = self.number * 1_000 + self.packages.len() as u64 + 1;
        let folder =
            root.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let folder = folder.unwrap_or_else(|| "untitled".into());
        let safe: String = folder
            .chars()
            .map(|one| if one.is_ascii_alphanumeric() || "-_.".contains(one) { one } else { '_' })
            .collect();
        let taken = |label: &str| self.packages.iter().any(|package| package.label == label);
        let mut label = safe.clone();
        let mut count = 2;
        while taken(&label) {
            label = format!("{safe}~{count}");
            count += 1;
        }
        self.packages.push(Package {
            id,
            host,
            root,
            label,
            only,
            open: Arc::default(),
            generation: Arc::default(),
            due: Some(Instant::now()),
            asked: Arc::default(),
            published: Arc::default(),
        });
        self.packages.len() - 1
    }

    /// The package and the path in it that a URI names; made where it is new.
    fn find_or_make(&mut self, uri: &Uri) -> Option<(usize, String)> {
        match Place::of(uri) {
            Place::Disk(path) => {
                if let Some(at) = path.parent().and_then(|folder| self.package_around(folder)) {
                    let path = below(self.packages[at].root.as_ref()?, &path)?;
                    return Some((at, path));
                }
                let name = path.file_name()?.to_string_lossy().into_owned();
                let root = path.parent()?.to_owned();
                let known = self.packages.iter().position(|one| {
                    one.only.as_deref() == Some(name.as_str()) && one.root.as_ref() == Some(&root)
                });
                let at = known.unwrap_or_else(|| self.insert(alone(), Some(root), Some(name.clone())));
                Some((at, name))
            }
            Place::Loose(_) => {
                // each text without a file is a package of its own
                let at = self
                    .packages
                    .iter()
                    .position(|one| one.root.is_none() && one.open.values().any(|(open, _)| open == uri));
                let at = at.unwrap_or_else(|| self.insert(alone(), None, Some(LOOSE.into())));
                Some((at, LOOSE.into()))
            }
            Place::Standard(_) | Place::Artifact(..) => None,
        }
    }

    /// The package that answers for a URI, without making one.
    fn package_for(&self, uri: Option<&Uri>) -> Option<usize> {
        let focus = || {
            let at = self.packages.iter().position(|package| package.id == self.focus);
            at.or_else(|| (!self.packages.is_empty()).then_some(0))
        };
        let Some(uri) = uri else { return focus() };
        match Place::of(uri) {
            Place::Disk(path) => {
                let inside = |package: &Package| {
                    let root = package.root.as_ref()?;
                    let below = below(root, &path)?;
                    let own = package.only.as_ref().is_none_or(|only| *only == below);
                    own.then(|| (root.components().count(), package.only.is_none()))
                };
                let all = self.packages.iter().enumerate();
                all.filter_map(|(at, package)| Some((inside(package)?, at))).max().map(|(_, at)| at)
            }
            Place::Loose(_) => self.packages.iter().position(|package| {
                package.root.is_none() && package.open.values().any(|(open, _)| open == uri)
            }),
            Place::Standard(_) => focus(),
            Place::Artifact(label, _) => self.packages.iter().position(|package| package.label == label),
        }
    }

    // ---- documents ----

    fn open(&mut self, uri: Uri, version: i32, text: Arc<str>) {
        let document = Document { uri: uri.clone(), version, text: text.clone() };
        self.documents.insert(uri.as_str().to_owned(), document);
        self.take(&uri, version, text);
    }

    fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(document) = self.documents.get_mut(uri.as_str()) else {
            let text = format!("Weir: `{}` was changed without having been opened", uri.as_str());
            return self.outbox.send(Message::Warn(text));
        };
        document.change(changes, version, self.encoding);
        let text = document.text.clone();
        self.take(uri, version, text);
    }

    /// The text of a file is this from now on.
    fn take(&mut self, uri: &Uri, version: i32, text: Arc<str>) {
        let Some((at, path)) = self.find_or_make(uri) else { return };
        let package = &mut self.packages[at];
        self.focus = package.id;
        package.changed(Duration::from_millis(self.configuration.analysis_delay));
        // what is not the package's text is shown, and not compiled
        if is_source(&path) {
            package.asked.wait(GRACE);
            package.host.set_text(&path, text, true);
        }
        Arc::make_mut(&mut package.open).insert(path.clone(), (uri.clone(), version));
        self.publish(at, Some(path));
    }

    fn close(&mut self, uri: &Uri) {
        self.documents.remove(uri.as_str());
        let Some(at) = self.package_for(Some(uri)) else { return };
        let found =
            self.packages[at].open.iter().find(|(_, (open, _))| open == uri).map(|(path, _)| path.clone());
        let Some(path) = found else { return };
        Arc::make_mut(&mut self.packages[at].open).remove(&path);
        if self.packages[at].only.is_some() {
            self.outbox.send(Message::Diagnostics {
                uri: uri.clone(),
                diagnostics: Vec::new(),
                version: None,
            });
            self.packages.remove(at);
            return;
        }
        self.read(at, &path);
    }

    /// What is on disk counts again.
    fn read(&mut self, at: usize, path: &str) {
        let delay = Duration::from_millis(self.configuration.analysis_delay);
        let package = &mut self.packages[at];
        let Some(root) = package.root.clone().filter(|_| is_source(path)) else { return };
        package.changed(delay);
        match load::read_source(&root.join(path)) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => package.host.set_text(path, text.into(), false),
                // the loader knows how to say what is wrong with it
                Err(_) => package.reload(),
            },
            Err(_) => {
                package.host.remove(path);
                let mut published = package.published.lock().unwrap_or_else(PoisonError::into_inner);
                if published.remove(path).is_some_and(|(_, said)| said)
                    && let Some(uri) = Uri::from_file_path(root.join(path))
                {
                    self.outbox.send(Message::Diagnostics { uri, diagnostics: Vec::new(), version: None });
                }
                return;
            }
        }
        self.publish(at, Some(path.to_owned()));
    }

    fn watched(&mut self, change: &FileEvent) {
        let Place::Disk(path) = Place::of(&change.uri) else { return };
        let is_manifest = path.file_name().is_some_and(|name| name == MANIFEST);
        if is_manifest && change.typ != FileChangeType::CHANGED {
            return self.manifest_came_or_went(&path);
        }
        let Some(at) = self.package_for(Some(&change.uri)) else { return };
        let Some(below) = self.packages[at].root.as_ref().and_then(|root| below(root, &path)) else { return };
        let is_hidden = below.split('/').any(|part| part.starts_with('.')) || below.starts_with("target/");
        let is_built = below.split('/').next().is_some_and(|first| {
            self.packages[at]
                .root
                .as_ref()
                .is_some_and(|root| below.contains('/') && root.join(first).join("manifest.json").exists())
        });
        if !self.packages[at].open.contains_key(&below) && !is_hidden && !is_built && is_source(&below) {
            self.read(at, &below);
        }
    }

    /// The borders of packages are others now: what lies below is read anew, with the texts that are open.
    fn manifest_came_or_went(&mut self, manifest: &Path) {
        let Some(folder) = manifest.parent() else { return };
        let touched = |package: &Package| {
            package.root.as_ref().is_some_and(|root| root.starts_with(folder) || folder.starts_with(root))
        };
        let (gone, kept): (Vec<Package>, Vec<Package>) =
            std::mem::take(&mut self.packages).into_iter().partition(touched);
        self.packages = kept;
        for package in &gone {
            if package.only.is_none() && package.root.as_deref().is_some_and(is_package) {
                self.add_folder(package.root.as_deref().unwrap_or(folder));
            }
        }
        self.package_around(folder);
        let open: Vec<Uri> =
            gone.iter().flat_map(|package| package.open.values().map(|(uri, _)| uri.clone())).collect();
        for uri in open {
            if let Some(document) = self.documents.get(uri.as_str()).cloned() {
                self.take(&document.uri, document.version, document.text);
            }
        }
    }

    // ---- answers ----

    fn view(&self, at: usize) -> View {
        let package = &self.packages[at];
        let places = Places {
            root: package.root.clone(),
            virtual_documents: self.configuration.virtual_documents,
            open: package.open.clone(),
        };
        View::new(
            package.host.ide(),
            places,
            self.encoding,
            self.configuration.clone(),
            package.label.clone(),
            self.number,
            package.only.is_some(),
        )
    }

    fn ask(&mut self, mut ask: Ask) {
        if ask.everywhere && self.packages.is_empty() {
            return ask.answer.refuse(Error::new(ErrorCode::ContentModified));
        }
        let Some(at) = self.package_for(ask.uri.as_ref()) else {
            return ask.answer.refuse(Error::invalid_params("no package of the workspace has this document"));
        };
        let version =
            ask.uri.as_ref().and_then(|uri| self.documents.get(uri.as_str())).map(|one| one.version);
        match ask.version {
            Some(before) if Some(before) != version => {
                return ask.answer.refuse(Error::new(ErrorCode::ContentModified));
            }
            _ => ask.version = version,
        }
        let views: Vec<View> = if ask.everywhere {
            (0..self.packages.len()).map(|at| self.view(at)).collect()
        } else {
            vec![self.view(at)]
        };
        let (events, urgency) = (self.events.clone(), ask.urgency);
        let under_way = (urgency == Urgency::Typing).then(|| self.packages[at].asked.enter());
        let work = move || {
            let _under_way = under_way;
            if !views.first().is_some_and(|view| ask.stop.holds(view.ide.cancellation())) {
                return;
            }
            let answered = catch_unwind(AssertUnwindSafe(|| {
                Cancelled::catch(AssertUnwindSafe(|| ask.answer.try_answer(&views)))
            }));
            drop(views);
            match answered {
                Ok(Ok(()) | Err(Cancelled::Local)) => {}
                Ok(Err(_)) => drop(events.send(Event::Ask(ask))),
                Err(_) => ask.answer.refuse(Error::internal_error()),
            }
        };
        self.pool.run(urgency, Box::new(work));
    }

    /// Says what is wrong with a file, or with all, to a client that does not ask.
    fn publish(&self, at: usize, path: Option<String>) {
        if self.abilities.pull_diagnostics {
            return;
        }
        let package = &self.packages[at];
        let (view, outbox, published) = (self.view(at), self.outbox.clone(), package.published.clone());
        let urgency = if path.is_some() { Urgency::Typing } else { Urgency::Reading };
        let work = move || {
            // what an edit interrupts is said by the next one
            let _ = Cancelled::catch(AssertUnwindSafe(|| say(&view, path.as_deref(), &outbox, &published)));
        };
        self.pool.run(urgency, Box::new(work));
    }

    // ---- analysis ----

    fn analyze_due(&mut self) {
        let now = Instant::now();
        let is_due = |package: &Package| package.due.is_some_and(|due| due <= now);
        if self.analyzing {
            return;
        }
        if let Some(at) = self.packages.iter().position(is_due) {
            self.packages[at].due = None;
            self.analyzing = true;
            self.analyze(at);
        }
    }

    fn analyze(&self, at: usize) {
        let package = &self.packages[at];
        let (id, current, ide) = (package.id, package.generation.clone(), package.host.ide());
        let generation = current.load(Ordering::SeqCst);
        let (events, outbox, name) = (self.events.clone(), self.outbox.clone(), package.label.clone());
        let work = move || {
            let ide = ide;
            let goes_on = || current.load(Ordering::SeqCst) == generation;
            let large = ide.size() > LARGE;
            if large {
                outbox.send(Message::Begin(format!("Analyzing {name}")));
            }
            let mut interrupted = false;
            let facts = catch_unwind(AssertUnwindSafe(|| {
                let job = Cancelled::catch(AssertUnwindSafe(|| ide.job())).ok();
                interrupted = job.is_none();
                // the next write must not wait for what follows
                drop(ide);
                job.and_then(|job| job.run(now_in_seconds(), &goes_on))
            }));
            if large {
                outbox.send(Message::End);
            }
            let facts = facts.ok().flatten().map(Arc::new);
            let _ = events.send(Event::Analyzed { package: id, generation, facts, interrupted });
        };
        self.pool.run(Urgency::Background, Box::new(work));
    }

    fn analyzed(&mut self, package: u64, generation: u64, facts: Option<Arc<Facts>>, interrupted: bool) {
        self.analyzing = false;
        let Some(at) = self.packages.iter().position(|one| one.id == package) else { return };
        if interrupted {
            // what was read is kept: the reading goes on between the keys, so that names are known when they are asked for
            self.packages[at].due = Some(Instant::now());
        }
        let Some(facts) = facts else { return };
        if self.packages[at].generation.load(Ordering::SeqCst) != generation {
            return; // the next one is on its way
        }
        let old = self.packages[at].host.facts().cloned();
        self.packages[at].host.set_facts(facts);
        // millions of small sets: to free them takes a while
        self.pool.run(Urgency::Reading, Box::new(move || drop(old)));
        self.publish(at, None);
        self.outbox.send(Message::Refresh);
    }
}
