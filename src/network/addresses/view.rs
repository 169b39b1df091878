//! The addresses as text, JSON and Markdown: the same data, three views.

use super::Line;
use crate::report::{format::aligned, markdown::cell};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use std::fmt::Write as _;

const HEAD: [&str; 8] = ["subnet", "zone", "block", "free", "endpoints", "tasks", "ALB", "left"];

/// The columns that are numbers.
const NUMBERS: [usize; 5] = [3, 4, 5, 6, 7];

fn row(line: &Line) -> [String; 8] {
    let Line { subnet, zone, cidr, free, endpoints, tasks, load_balancer, too_small: _ } = line;
    let left = match line.left() {
        Some(left) => left.to_string(),
        None if line.needed() > *free => format!("{} short", line.needed() - free),
        None => "too small".to_owned(),
    };
    let numbers = [free, endpoints, tasks, load_balancer].map(u32::to_string);
    let [free, endpoints, tasks, load_balancer] = numbers;
    [subnet.clone(), zone.clone(), cidr.clone(), free, endpoints, tasks, load_balancer, left]
}

/// A table for people at a terminal; empty where there is nothing to place.
pub fn text(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let head = HEAD.map(str::to_owned);
    aligned(&std::iter::once(head).chain(lines.iter().map(row)).collect::<Vec<_>>(), &NUMBERS)
}

/// A table in Markdown; empty where there is nothing to place.
pub fn markdown(lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut table = format!("| {} |\n|---|---|---|--:|--:|--:|--:|--:|\n", HEAD.join(" | "));
    for line in lines {
        let [subnet, zone, cidr, numbers @ .., left] = row(line);
        let left = if line.left().is_some() { left } else { format!("**{left}**") };
        let outside = [format!("`{subnet}`"), zone, cidr].map(|text| cell(&text)).join(" | ");
        writeln!(table, "| {outside} | {} | {left} |", numbers.join(" | "))
            .expect("writing to a String cannot fail");
    }
    table
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { subnet, zone, cidr, free, endpoints, tasks, load_balancer, too_small: _ } = self;
        let mut line = serializer.serialize_struct("Line", 8)?;
        line.serialize_field("subnet", subnet)?;
        line.serialize_field("zone", zone)?;
        line.serialize_field("cidr", cidr)?;
        line.serialize_field("free", free)?;
        line.serialize_field("endpoints", endpoints)?;
        line.serialize_field("tasks", tasks)?;
        line.serialize_field("load_balancer", load_balancer)?;
        line.serialize_field("left", &self.left())?;
        line.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines() -> Vec<Line> {
        let line = Line {
            subnet: "subnet-0a1b2c3d4e5f60001".to_owned(),
            zone: "eu-west-1a".to_owned(),
            cidr: "10.0.1.0/24".to_owned(),
            free: 251,
            endpoints: 3,
            tasks: 4,
            load_balancer: 0,
            too_small: None,
        };
        let short = Line { subnet: "subnet-b".to_owned(), free: 5, ..line.clone() };
        let too_small = Line {
            subnet: "a|`b".to_owned(),
            cidr: "10.0.2.0/28".to_owned(),
            free: 11,
            endpoints: 0,
            tasks: 0,
            load_balancer: 8,
            too_small: Some("a /28 where a load balancer needs a /27".to_owned()),
            ..line.clone()
        };
        vec![line, short, too_small]
    }

    #[test]
    fn three_views() {
        insta::assert_snapshot!(text(&lines()), @"
        subnet                    zone        block        free  endpoints  tasks  ALB       left
        subnet-0a1b2c3d4e5f60001  eu-west-1a  10.0.1.0/24   251          3      4    0        244
        subnet-b                  eu-west-1a  10.0.1.0/24     5          3      4    0    2 short
        a|`b                      eu-west-1a  10.0.2.0/28    11          0      0    8  too small
        ");
        insta::assert_snapshot!(markdown(&lines()), @r"
        | subnet | zone | block | free | endpoints | tasks | ALB | left |
        |---|---|---|--:|--:|--:|--:|--:|
        | `subnet-0a1b2c3d4e5f60001` | eu-west-1a | 10.0.1.0/24 | 251 | 3 | 4 | 0 | 244 |
        | `subnet-b` | eu-west-1a | 10.0.1.0/24 | 5 | 3 | 4 | 0 | **2 short** |
        | \`a\|\`b\` | eu-west-1a | 10.0.2.0/28 | 11 | 0 | 0 | 8 | **too small** |
        ");
        insta::assert_snapshot!(json!(lines()), @r#"
        [{"subnet":"subnet-0a1b2c3d4e5f60001","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":251,"endpoints":3,"tasks":4,"load_balancer":0,"left":244},{"subnet":"subnet-b","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":5,"endpoints":3,"tasks":4,"load_balancer":0,"left":null},{"subnet":"a|`b","zone":"eu-west-1a","cidr":"10.0.2.0/28","free":11,"endpoints":0,"tasks":0,"load_balancer":8,"left":null}]
        "#);
        assert_eq!((text(&[]), markdown(&[])), (String::new(), String::new()));
    }
}
