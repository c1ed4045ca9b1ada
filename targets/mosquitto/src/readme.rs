//! What the README of an output tree says about this target.

use std::fmt::Write as _;

use weir_targets::file_name;

use crate::Options;

/// The section on this target: how to deploy, check and roll back.
pub fn readme_section(brokers: &[String], options: &Options) -> String {
    let folder = &options.folder;
    let mut out = String::from(
        "## Mosquitto\n\n\
         A withdrawn permission ends with the broker's restart, which takes less than a second; clients connect again by \
         themselves. A reload (`SIGHUP`) does not read `dynsec.json` again.\n\n\
         | broker | artifacts | goes to |\n| --- | --- | --- |\n",
    );
    for broker in brokers {
        let name = file_name(broker);
        let _ = writeln!(out, "| `{broker}` | `mosquitto/{name}/` | `{folder}/{name}/` |");
    }
    let _ = write!(
        out,
        "\n**Deploy** (Mosquitto 2.0 with the dynamic-security plugin; Debian package `mosquitto`): put `gateway.crt` and \
         `gateway.key` (the broker's own certificate) and `ca.crt` (who signs the clients' certificates) into the folder, \
         readable by the broker's user, copy both artifacts, and restart `mosquitto -c {folder}/<broker>/mosquitto.conf`.\n\n\
         **Check**: start it with the new files on another host or with `listener` moved to a loopback port; Mosquitto 2.0 \
         has no dry run. `clients` in `dynsec.json` lists who may connect, by the common name of the certificate; each \
         role is named by the statement that it stands for (`sourcemap.json`).\n\n\
         **Roll back**: put both files of the release before back and restart.\n\n\
         **What clients need**: TLS 1.3, with a certificate whose common name is the `username` in `dynsec.json`. It is the \
         declared one (`x509(cn = \"…\")`), else the SPIFFE ID without `spiffe://` and with `:` for each `/`, the DNS name, \
         or the name in the package. The client id that a client sends is replaced by it: nobody takes over \
         another's session, and one identity has one session. Whoever is not listed may connect if the CA signed it, and may \
         do nothing.\n\n\
         **What it does**: topics are held when a client publishes, when it subscribes, and when a message is delivered. \
         `limit` counts new connections, at the packet filters on the way: the broker counts nothing. Shared \
         subscriptions (`$share/…`) and `$CONTROL` are refused.\n",
    );
    out
}
