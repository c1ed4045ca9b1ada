//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_targets::file_name;

use crate::Options;

/// The section on this target: how to deploy, check and roll back.
pub fn readme_section(gateways: &[String], options: &Options) -> String {
    let (folder, state) = (&options.folder, &options.state);
    let mut out = String::from(
        "## Modbus gateway\n\n\
         A withdrawn permission ends one second after the reload (`worker_shutdown_timeout`): sessions of the old policy \
         are closed, permitted ones too, and masters connect again. A permission with `until` ends by the gateway's \
         clock, without a reload.\n\n\
         | gateway | artifacts | goes to |\n| --- | --- | --- |\n",
    );
    for gateway in gateways {
        let name = file_name(gateway);
        let _ = writeln!(out, "| `{gateway}` | `modbus/{name}/` | `{folder}/{name}/` |");
    }
    let _ = write!(
        out,
        "\n**Deploy** (as root on the gateway; Debian packages `nginx`, `libnginx-mod-stream`, `libnginx-mod-stream-js`): \
         put `gateway.crt` and `gateway.key` (the gateway's own certificate, with the name by which masters know it) and \
         `ca.crt` (who signs the clients' certificates) into the folder, and create `{state}/<gateway>` for nginx's user \
         (`install -d -o www-data`; a temporary file system will do: it holds the times of limited operations). Copy the \
         three artifacts, run `nginx -t -c {folder}/<gateway>/nginx.conf`, and start nginx with that configuration from a \
         service of its own, or reload it (`kill -HUP` of the process in `{state}/<gateway>/nginx.pid`). nginx stays in the \
         foreground and logs to standard error.\n\n\
         **Check**: `nginx -t -c …` names what is wrong. `policy.json` says for each port which certificate or address may \
         do what; `sourcemap.json` leads from its `statement` to the policy. `weir-denied`, `weir-allow` (statements with \
         `log`) and `weir-audit` in the log name client, function, items and value.\n\n\
         **Roll back**: put the three files of the release before back and reload. A file that nginx cannot read leaves the \
         running policy in force.\n\n\
         **What clients need**: TLS 1.3 to the gateway's port, with a certificate that holds exactly one of the names in \
         `policy.json` (`uri:` and `dns:` in subjectAltName, `cn:` in the subject; a certificate with two URIs is refused). \
         Ports whose clients have no certificates are plain Modbus/TCP, and know clients by their addresses: let a packet \
         filter that binds addresses stand before them.\n\n\
         **What it does**: a request passes if all of the items that it touches are permitted, and none is denied; what is \
         not well-formed closes the session before the destination sees a byte of it. `limit` counts operations of all \
         clients of the statement together: never more than so many in any interval of that length. Where the times cannot be \
         written, nothing that is limited passes. Answers are passed back as they come.\n",
    );
    out
}
