//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_targets::file_name;

use crate::Options;

/// The section on this target: how to deploy, check and roll back.
pub fn readme_section(proxies: &[String], options: &Options) -> String {
    let folder = &options.folder;
    let mut out = String::from(
        "## Envoy\n\n\
         A withdrawn permission is refused to new connections as soon as Envoy sees the new files, within a second; \
         connections that were open are closed when the old listener has drained: `--drain-time-s` after that, if Envoy was \
         started with `--drain-strategy immediate`. Without these two options it takes ten minutes.\n\n\
         | proxy | bootstrap | watched files | go to |\n| --- | --- | --- | --- |\n",
    );
    for proxy in proxies {
        let name = file_name(proxy);
        let _ = writeln!(out, "| `{proxy}` | `envoy/{name}.yaml` | `envoy/{name}.d/` | `{folder}/{name}/` |");
    }
    let _ = write!(
        out,
        "\n**Deploy**: put `gateway.crt`, `gateway.key` (the proxy's own certificate), `ca.crt` (who signs the clients' and \
         destinations' certificates) and, where people come with tokens, each issuer's keys (`<issuer>.jwks`, a JWK set) \
         into the folder. Start `envoy -c <proxy>.yaml --drain-time-s 3 --drain-strategy immediate`. To change it, copy \
         `clusters.yaml`, then `listeners.yaml`, under another name into the folder and rename them (`mv`): Envoy \
         takes a file when it is moved into place.\n\n\
         **Check**: `envoy --mode validate -c <proxy>.yaml` reads the bootstrap; after a change, \
         `curl --unix-socket {folder}/<proxy>/admin.sock http://localhost/stats?filter=update_rejected` must not have \
         grown: Envoy keeps the last good listener when it refuses a new one, and its log says why. Each connection and \
         request is logged with `weir-envoy`, the names in the certificate, and why it ended.\n\n\
         **Roll back**: move the files of the release before into place, `clusters.yaml` first.\n\n\
         **What clients need**: TLS 1.3, with a certificate that holds the SPIFFE ID or DNS name of the policy in \
         subjectAltName; it is compared exactly. Envoy accepts a certificate with several names if one of them fits: let the \
         CA issue one URI only, as SPIFFE demands. Protocols other than HTTP run inside of that TLS as they are. People show \
         a token (OpenID Connect) as `Authorization: Bearer …`, with their groups in the claim `groups`.\n\n\
         **What it does**: nothing reaches a destination before the decision. Paths are normalised before they are compared; \
         escaped slashes are refused. `mode = audit` permits, and the log says `audit=denied`. `limit` counts new \
         connections, at the packet filters on the way.\n",
    );
    out
}
