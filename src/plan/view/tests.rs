use super::*;

fn plan() -> View {
    let line = Line {
        subnet: "subnet-0a".to_owned(),
        zone: "eu-west-1a".to_owned(),
        cidr: "10.0.1.0/24".to_owned(),
        free: 251,
        endpoints: 3,
        tasks: 2,
        load_balancer: 0,
        too_small: None,
    };
    let picture = Some("flowchart TB\n  n0[\"tasks\"]\n".to_owned());
    View { unchanged: 4, addresses: vec![line], picture, ..View::default() }
}

#[test]
fn the_addresses_are_told_where_all_is_asked_for() {
    insta::assert_snapshot!(plan(), @"nothing to do: 4 things are as asked");
    insta::assert_snapshot!(format!("{:#}", plan()), @"
    nothing to do: 4 things are as asked
    addresses:
      subnet     zone        block        free  endpoints  tasks  ALB  left
      subnet-0a  eu-west-1a  10.0.1.0/24   251          3      2    0   246
    ");
}

#[test]
fn the_addresses_and_the_picture_are_folded() {
    insta::assert_snapshot!(markdown(&plan()), @r#"
    Nothing to do.

    <details><summary>Addresses</summary>

    | subnet | zone | block | free | endpoints | tasks | ALB | left |
    |---|---|---|--:|--:|--:|--:|--:|
    | `subnet-0a` | eu-west-1a | 10.0.1.0/24 | 251 | 3 | 2 | 0 | 246 |

    </details>

    <details><summary>The network</summary>

    ```mermaid
    flowchart TB
      n0["tasks"]
    ```

    </details>
    "#);
}

#[test]
fn json_has_the_addresses_and_no_picture() {
    insta::assert_snapshot!(serde_json::to_string(&plan()).expect("it is JSON"), @r#"
    {"steps":[],"unchanged":4,"warnings":[],"addresses":[{"subnet":"subnet-0a","zone":"eu-west-1a","cidr":"10.0.1.0/24","free":251,"endpoints":3,"tasks":2,"load_balancer":0,"left":246}]}
    "#);
    let empty = serde_json::to_string(&View::default()).expect("it is JSON");
    insta::assert_snapshot!(empty, @r#"{"steps":[],"unchanged":0,"warnings":[],"addresses":[]}"#);
}
