//! Every diagnostic code, once. A code keeps its meaning for ever; each has a page `book/src/diagnostics/CODE.md`.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// `E` or `W` and four digits.
    pub id: &'static str,
    pub severity: Severity,
    /// One line for lists.
    pub title: &'static str,
}

macro_rules! codes {
    ($($id:ident $severity:ident $title:literal)*) => {
        $(
            #[doc = $title]
            pub static $id: Code = Code { id: stringify!($id), severity: Severity::$severity, title: $title };
        )*
        /// Every code, ascending.
        pub static ALL: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    E0001 Error "a file of the package cannot be read"
    E0002 Error "a file is not UTF-8"
    E0003 Error "the folder holds no package"
    E0004 Error "weir.toml is not valid"
    E0005 Error "a file is too large"

    E0101 Error "the text does not follow the grammar"
    E0102 Error "a character that no word of the language starts with"
    E0103 Error "a literal has no such value"
    E0104 Error "brackets do not pair up"
    E0105 Error "a string is not closed, or has an unknown escape"
    E0106 Error "brackets nest too deep"

    E0201 Error "a name is declared twice"
    E0202 Error "a name is not declared"
    E0203 Error "a name means something else here"
    E0204 Error "a name means several things here"
    E0205 Error "a `use` brings in nothing"
    E0206 Error "an unknown kind of declaration"
    E0207 Error "an unknown attribute"
    E0208 Error "an attribute is given twice"
    E0209 Error "a required attribute is missing"
    E0210 Error "a declaration lacks a part, or has one that its kind does not have"
    E0211 Error "a declaration stands where it cannot"
    E0212 Error "a class, group, zone or template is defined by itself"
    E0213 Error "an array has no such element"
    E0214 Error "a template and its instance do not match"
    E0215 Error "expansion is too large"

    E0301 Error "a value is of the wrong type"
    E0302 Error "a value is not one of the known words"
    E0303 Error "a value is out of range"
    E0304 Error "an unknown function, or wrong arguments"
    E0306 Error "a secret is written out"
    E0307 Error "an unknown operation of a protocol"
    E0308 Error "an operation has no such argument"
    E0309 Error "what is declared safe is no command"

    E0401 Error "an address lies outside of its network"
    E0402 Error "an address is used twice"
    E0403 Error "two networks or pools overlap"
    E0404 Error "an address is reserved in its network"
    E0405 Error "a host name of an interface is not usable"
    E0406 Error "a MAC address or SIM identity is used twice"
    E0407 Error "a class cannot reach its zone's target level"
    E0408 Error "a slice breaks a rule of 3GPP"
    E0409 Error "a principal has no place in the topology"
    E0410 Error "the ports of a gateway make no bridge"
    E0411 Error "a bridge cannot tell a station by its MAC address"
    E0412 Error "Kubernetes would refuse a name"
    E0413 Error "the policies of a cluster would hold the wrong pods"
    E0415 Error "an imported file does not follow its format"
    E0416 Error "an imported file does not say what it has to"
    E0417 Error "a workload selects no pods of its cluster's manifests"
    E0418 Error "pods and workloads do not match one to one"
    E0419 Error "a workload is not what its manifest says"
    E0420 Error "a Service leads nowhere"
    E0421 Error "a network policy beside Weir's adds permissions"
    E0422 Error "what an import needs to know is missing or wrong"

    E0501 Error "no conduit joins two zones"
    E0502 Error "a conduit does not carry a protocol"
    E0503 Error "no path joins two principals"
    E0504 Error "NAT hides a source from an enforcement point"
    E0505 Error "no enforcement point lies on a path"
    E0506 Error "a destination does not serve a protocol"
    E0507 Error "source or destination of a flow is empty"
    E0508 Error "a flow has no address family in common"
    E0509 Error "a layer-2 protocol cannot leave its segment"
    E0510 Error "a principal cannot stand on this side of a flow"
    E0511 Error "an exception is covered by a deny"
    E0512 Error "an exception lacks what makes it one"
    E0513 Error "a proxy cannot be reached, or is ambiguous"
    E0514 Error "a flow crosses the border of what is isolated"
    E0515 Error "a command rests on data that its sink does not trust"
    E0516 Error "a safe command has no limit"

    E0601 Error "no enforcement point on the path can hold a demand"
    E0602 Error "a source is not known as well as is required"
    E0603 Error "an enforcement point does not exist or is not of this kind"
    E0604 Error "a target cannot render a part of the plan"
    E0605 Error "the proof of an artifact exceeds its budget"
    E0606 Error "a point that ends connections cannot hold a rule"
    E0607 Error "a point that ends connections cannot verify who somebody is"
    E0608 Error "a gateway cannot be transparent"
    E0609 Error "a transparent gateway cannot take a flow's connections"

    E0701 Error "an assertion does not hold"
    E0702 Error "a chain of flows joins what shall never be joined"
    E0703 Error "what shall be isolated is joined"

    E0710 Error "a SUPI does not fit its core's network"
    E0711 Error "a device in a slice lacks what its core has to know"
    E0712 Error "a device is in more slices than its core serves"
    E0713 Error "a data network name cannot be used"
    E0714 Error "a slice, its radios and its devices do not belong together"
    E0715 Error "a dedicated user plane serves another slice"
    E0716 Error "a user plane joins slices and filters nothing"
    E0717 Error "a slice of the process has no integrity protection"
    E0718 Error "a core does not hold what is asked of it"
    E0719 Error "a slice has more UEs than it can have"
    E0720 Error "a quality of service contradicts its 5QI"
    E0721 Error "flows are guaranteed more than a radio has"
    E0722 Error "a flow may be faster than its session"
    E0723 Error "messages of a cyclic flow do not fit"
    E0724 Error "the quality of service of a flow has no slice"
    E0725 Error "the functions of a core do not reach each other"

    W0201 Warning "a `use` or a declaration is unused"
    W0202 Warning "a name is not spelled as its kind usually is"
    W0203 Warning "a name hides another"

    W0215 Warning "pods use namespaces or ports of their node"
    W0216 Warning "a container is privileged"
    W0217 Warning "a container may forge packets"
    W0218 Warning "pods share the default service account"
    W0219 Warning "an image is not fixed by its digest"
    W0220 Warning "pods that no workload of the package selects"
    W0221 Warning "a namespace has pods and no workload of the package"
    W0222 Warning "a workload serves a port that its manifest does not name"
    W0223 Warning "an imported object may run pods that are not seen"

    W0501 Warning "an allow is fully covered by a deny"
    W0502 Warning "a group is empty"
    W0503 Warning "an exception has expired"
    W0504 Warning "whether rules repeat each other was not decided"
    W0505 Warning "a conduit is used by no flow"
    W0506 Warning "a rule says what another says already"
    W0507 Warning "a permission has not begun"
    W0508 Warning "a part of an allow is covered by a deny"
    W0509 Warning "a deny covers no service"

    W0601 Warning "policy denies what nothing separates"
    W0602 Warning "no policy permits the management of a gateway"
    W0604 Warning "a declaration is checked, but nothing enforces it yet"
    W0605 Warning "a gateway enforces nothing"
    W0606 Warning "a network policy would have very many prefixes"
    W0607 Warning "a broker asks for a certificate that is not declared"

    W0701 Warning "an assertion holds without saying anything"

    W0711 Warning "exclusive slices share a user plane"
    W0712 Warning "a device joins zones that policy keeps apart"
    W0713 Warning "a session's default flow has a guaranteed 5QI"
    W0714 Warning "a slice outside of the process has its priority"
    W0715 Warning "a message may be late for the next one"
    W0716 Warning "an SST that no standard has"
}

/// The code of this id, whatever its case.
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.id.eq_ignore_ascii_case(id))
}
