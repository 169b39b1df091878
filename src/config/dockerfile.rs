//! What a Dockerfile says about ports, for a file that does not say it.

/// The TCP ports that the stage exposes, or that one which it is built from does, in their order. One
/// that is a variable is left out, since its value is known to the build alone.
/// <https://docs.docker.com/reference/dockerfile/#expose>
pub(super) fn exposed(dockerfile: &str, target: Option<&str>) -> Vec<u16> {
    let stages = stages(dockerfile);
    let named = |name: &str| stages.iter().rposition(|stage| stage.is_called(name));
    let mut next = match target {
        Some(target) => named(target),
        None => stages.len().checked_sub(1),
    };
    let mut ports: Vec<u16> = Vec::new();
    while let Some(index) = next {
        let stage = &stages[index];
        for port in &stage.ports {
            if !ports.contains(port) {
                ports.push(*port);
            }
        }
        // A stage is built from an earlier one alone, so this ends.
        next = stages[..index].iter().rposition(|earlier| earlier.is_called(&stage.from));
    }
    ports
}

struct Stage {
    from: String,
    name: Option<String>,
    ports: Vec<u16>,
}

impl Stage {
    fn is_called(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

fn stages(dockerfile: &str) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    // A line that ends with a backslash goes on.
    let text = dockerfile.replace("\r\n", "\n").replace("\\\n", " ");
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        match (instruction.as_str(), stages.last_mut()) {
            ("FROM", _) => {
                let mut words = words.filter(|word| !word.starts_with("--"));
                let from = words.next().unwrap_or_default().to_owned();
                let name = words.nth(1).map(str::to_owned);
                stages.push(Stage { from, name, ports: Vec::new() });
            }
            ("EXPOSE", Some(stage)) => stage.ports.extend(words.filter_map(tcp)),
            _ => {}
        }
    }
    stages
}

fn tcp(word: &str) -> Option<u16> {
    let (port, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    protocol.eq_ignore_ascii_case("tcp").then(|| port.parse().ok().filter(|port| *port > 0))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_the_stage_that_is_built() {
        let file = "FROM rust AS build\nEXPOSE 1\nFROM scratch as base\nexpose 8080/tcp 53/udp \\\n  $PORT\n\
                    FROM --platform=linux/amd64 base AS final\nEXPOSE 9000\n";
        assert_eq!(exposed(file, None), [9000, 8080]);
        assert_eq!(exposed(file, Some("base")), [8080]);
        assert_eq!(exposed(file, Some("build")), [1]);
        assert_eq!(exposed(file, Some("none")), [0_u16; 0]);
    }

    #[test]
    fn a_file_that_makes_no_sense_exposes_nothing() {
        for file in ["", "EXPOSE 80", "FROM\nEXPOSE", "FROM x AS x\nFROM x AS x\nEXPOSE 99999"] {
            assert_eq!(exposed(file, None), [0_u16; 0], "{file}");
        }
    }
}
