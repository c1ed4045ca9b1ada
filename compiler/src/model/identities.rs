//! Who is who on the wire: identities with their evidence, and the identifiers of 5G.

use smol_str::SmolStr;
use weir_syntax::{
    Diagnostic,
    ast::{Expr, ExprKind},
    diagnostic::codes,
};

use super::typed::{Identity, Key, Read, Typed, mistyped, out_of_range};
use crate::names::{Kind, Scope, Universe};

impl<'a> Universe<'a> {
    pub(super) fn identity(&self, expr: &'a Expr, scope: Scope) -> Read<Identity> {
        const SCHEMES: &[(&str, &[&str])] = &[
            ("none", &[]),
            ("psk", &["key"]),
            ("mac", &[]),
            ("x509", &["san", "cn", "ou", "key"]),
            ("spiffe", &["id", "key"]),
            ("sim", &["supi", "key"]),
            ("oidc", &["issuer", "group"]),
            ("attested", &["verifier", "san", "id"]),
        ];
        let help = "write `psk`, `x509(san = \"…\")`, `spiffe(\"spiffe://…\")`, `sim(supi = \"…\", key = ref(\"…\"))` or `oidc(issuer = \"…\", group = \"…\")`";
        let segment = match &expr.kind {
            ExprKind::Path(path) if path.segments.len() == 1 => &path.segments[0],
            _ => return Err(mistyped(scope.file, expr.span, "an identity", help.into())),
        };
        let Some((scheme, known)) = SCHEMES.iter().find(|(scheme, _)| *scheme == segment.name.text) else {
            return Err(Box::new(
                Diagnostic::new(&codes::E0302, format!("`{}` is no kind of identity", segment.name.text))
                    .primary(scope.file, segment.name.span, "unknown")
                    .did_you_mean(
                        &segment.name.text,
                        scope.file,
                        segment.name.span,
                        SCHEMES.iter().map(|(scheme, _)| *scheme),
                    )
                    .help_otherwise(|| help.into()),
            ));
        };
        let mut parts = Vec::new();
        let mut key = None;
        for argument in segment.arguments.iter().flatten() {
            let name = argument
                .name
                .as_ref()
                .map_or_else(|| known.first().copied().unwrap_or(""), |name| name.text.as_str());
            let Some(value) = argument.value.as_ref().filter(|_| known.contains(&name)) else {
                return Err(Box::new(
                    Diagnostic::new(&codes::E0304, format!("`{scheme}` has no part `{name}`"))
                        .primary(scope.file, argument.span, "unknown part")
                        .help(format!("its parts are: {}", known.join(", "))),
                ));
            };
            if name == "key" {
                key = Some(self.key(value, scope)?);
            } else {
                parts.push((SmolStr::from(name), self.plain_text(value, scope)?));
            }
        }
        let needed = match *scheme {
            "spiffe" => Some("id"),
            "sim" => Some("supi"),
            _ => None,
        };
        if let Some(needed) = needed.filter(|needed| !parts.iter().any(|(name, _)| name == needed)) {
            return Err(Box::new(
                Diagnostic::new(&codes::E0209, format!("`{scheme}` lacks `{needed}`"))
                    .primary(scope.file, expr.span, "incomplete")
                    .help(help),
            ));
        }
        Ok(Identity { scheme, parts, key })
    }

    /// A key is named, never written out: `ref("vault:…")`, or the word `hardware`.
    pub(super) fn key(&self, expr: &'a Expr, scope: Scope) -> Read<Key> {
        match expr.as_word().map(|word| word.text.as_str()) {
            Some("hardware") => return Ok(Key::Hardware),
            Some("software") => return Ok(Key::Software),
            _ => {}
        }
        if let ExprKind::Path(path) = &expr.kind
            && let [segment] = path.segments.as_slice()
            && segment.name.text == "ref"
            && let Some([argument]) = segment.arguments.as_deref()
            && let Some(value) = &argument.value
        {
            return Ok(Key::Reference(self.plain_text(value, scope)?));
        }
        Err(Box::new(
            Diagnostic::new(&codes::E0306, "a key is written out")
                .primary(scope.file, expr.span, "a secret does not belong into a policy")
                .help(
                    "refer to it: `key = ref(\"vault:sim/agv1\")`, or say where it lives: `key = hardware`",
                ),
        ))
    }

    pub(super) fn snssai(&self, expr: &'a Expr, scope: Scope) -> Read<Typed<'a>> {
        const NAMES: &[(&str, u8)] = &[("embb", 1), ("urllc", 2), ("miot", 3), ("v2x", 4), ("hmtc", 5)];
        let (file, span) = (scope.file, expr.span);
        let (sst_expr, sd_expr) = match &expr.kind {
            ExprKind::Slash(sst, sd) => (&**sst, Some(&**sd)),
            _ => (expr, None),
        };
        let sst = match (&sst_expr.kind, sst_expr.as_word()) {
            (ExprKind::Integer(number), _) => {
                u8::try_from(*number).ok().filter(|sst| *sst > 0).ok_or_else(|| {
                    let message = format!("an SST of {number} does not exist");
                    out_of_range(
                        file,
                        sst_expr.span,
                        message,
                        "an SST goes from 1 to 255 (TS 23.003, 28.4.2)".into(),
                    )
                })?
            }
            (_, Some(word)) => {
                let found = NAMES.iter().find(|(name, _)| *name == word.text);
                found.map(|(_, sst)| *sst).ok_or_else(|| {
                    Box::new(
                        Diagnostic::new(&codes::E0302, format!("`{}` is no slice/service type", word.text))
                            .primary(file, word.span, "unknown")
                            .help("write embb, urllc, miot, v2x, hmtc or a number from 1 to 255"),
                    )
                })?
            }
            _ => return Err(mistyped(file, span, "an S-NSSAI", "write `urllc/0x000001`".into())),
        };
        let Some(sd_expr) = sd_expr else { return Ok(Typed::Snssai(sst, None)) };
        match sd_expr.kind {
            ExprKind::Hexadecimal(0xff_ffff, 6) => Err(out_of_range(
                file,
                sd_expr.span,
                "SD 0xffffff stands for “no SD”".into(),
                "leave it out, or choose another (TS 23.003, 28.4.2)".into(),
            )),
            ExprKind::Hexadecimal(number, 6) => Ok(Typed::Snssai(sst, Some(number as u32))),
            _ => Err(out_of_range(
                file,
                sd_expr.span,
                "an SD has six hexadecimal digits".into(),
                "write it as `0x00000a`: cores read shorter and decimal forms in different ways".into(),
            )),
        }
    }

    pub(super) fn user_plane(&self, expr: &'a Expr, scope: Scope) -> Read<Typed<'a>> {
        let help = "write `dedicated(upf_control)` or `shared(upf_plant)`";
        if let ExprKind::Path(path) = &expr.kind
            && let [segment] = path.segments.as_slice()
            && matches!(segment.name.text.as_str(), "dedicated" | "shared")
            && let Some([argument]) = segment.arguments.as_deref()
            && let (None, None, Some(value)) = (&argument.name, &argument.selector, &argument.value)
        {
            let (gateway, _) = self.reference(value, &[Kind::Gateway], scope)?;
            return Ok(Typed::UserPlane { dedicated: segment.name.text == "dedicated", gateway });
        }
        Err(mistyped(scope.file, expr.span, "a user plane", help.into()))
    }
}
