//! Image.
/// Uri.
pub fn registry_uri(uri: &str, registry: Option<&str>) -> String {
    match (uri.split_once('/'), registry) {
        (Some((_, name)), Some(registry)) => format!("{registry}/{name}"),
        _ => uri.to_owned(),
    }
}
