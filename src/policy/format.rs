//! The policies as text: IAM's own JSON, a CloudFormation template, Terraform.

mod hcl;
mod yaml;

use super::trust::Trusted;
use serde_json::{Value, json};

/// What stands for the account in a template, where nobody has named it.
pub(super) const OF_TEMPLATE: &str = "${AWS::AccountId}";
/// The same in Terraform.
pub(super) const OF_TERRAFORM: &str = "${data.aws_caller_identity.current.account_id}";

/// A role with its policies.
#[derive(Debug, Clone)]
pub(super) struct Role<'a> {
    /// `web-preview`.
    pub(super) name: &'a str,
    /// What the role is for, in one line.
    pub(super) description: &'a str,
    /// What it may do.
    pub(super) policies: &'a [Value],
    /// Who may assume it; without that, only the policies are told.
    pub(super) trusted: Option<&'a Trusted>,
}

/// A template in YAML.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html>
pub(super) fn cloudformation(role: &Role<'_>) -> String {
    let mut resources = json!({});
    let mut references = Vec::new();
    for (index, policy) in role.policies.iter().enumerate() {
        let name = format!("Policy{}", index + 1);
        references.push(json!({"Ref": name}));
        resources[name] = json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Description": role.description, "PolicyDocument": substituted(policy)},
        });
    }
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": role.description,
    });
    match role.trusted {
        Some(trusted) => {
            resources["Role"] = json!({
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "Description": role.description,
                    "AssumeRolePolicyDocument": substituted(&trusted.document()),
                    "ManagedPolicyArns": references,
                },
            });
            template["Resources"] = resources;
            template["Outputs"] = json!({"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}});
        }
        None => template["Resources"] = resources,
    }
    yaml::text(&template)
}

/// The document with CloudFormation's function around what it has to fill in.
fn substituted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("${") => json!({"Fn::Sub": text}),
        Value::Array(list) => list.iter().map(substituted).collect(),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), substituted(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// Resources of the AWS provider.
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_policy>
pub(super) fn terraform(role: &Role<'_>) -> String {
    let label = role.name.replace(|symbol: char| !symbol.is_ascii_alphanumeric(), "_");
    // A label begins with a letter or an underscore.
    let label = if label.starts_with(|first: char| first.is_ascii_digit()) {
        format!("_{label}")
    } else {
        label
    };
    let many = role.policies.len() > 1;
    let mut text = String::new();
    let all = role
        .policies
        .iter()
        .map(Value::to_string)
        .chain(role.trusted.map(|trusted| trusted.document().to_string()));
    if all.into_iter().any(|document| document.contains(OF_TERRAFORM)) {
        text += "data \"aws_caller_identity\" \"current\" {}\n\n";
    }
    let mut arns = Vec::new();
    for (index, policy) in role.policies.iter().enumerate() {
        let (label, name) = if many {
            let number = index + 1;
            (format!("{label}_{number}"), format!("{}-{number}", role.name))
        } else {
            (label.clone(), role.name.to_owned())
        };
        let attributes = [
            ("name", hcl::string(&name)),
            ("description", hcl::string(role.description)),
            ("policy", format!("jsonencode({})", hcl::value(policy, 1))),
        ];
        text += &hcl::block("aws_iam_policy", &label, &attributes);
        text.push('\n');
        arns.push((label, name));
    }
    if let Some(trusted) = role.trusted {
        let trust = format!("jsonencode({})", hcl::value(&trusted.document(), 1));
        let attributes = [
            ("name", hcl::string(role.name)),
            ("description", hcl::string(role.description)),
            ("assume_role_policy", trust),
        ];
        text += &hcl::block("aws_iam_role", &label, &attributes);
        for (policy, _) in &arns {
            let attributes = [
                ("role", format!("aws_iam_role.{label}.name")),
                ("policy_arn", format!("aws_iam_policy.{policy}.arn")),
            ];
            text.push('\n');
            text += &hcl::block("aws_iam_role_policy_attachment", policy, &attributes);
        }
        let arn = format!("aws_iam_role.{label}.arn");
        text += &["\noutput \"", &label, "_role_arn\" {\n  value = ", &arn, "\n}\n"].concat();
    }
    text.trim_end().to_owned() + "\n"
}
