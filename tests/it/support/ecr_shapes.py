"""Checks what was asked of a service, the first argument, and answered for it against the API's own description, as AWS publishes it
for its SDKs. Reads a JSON list of {operation, input, output} from standard input, and prints what is wrong."""

import json
import re
import sys

import botocore.session

model = botocore.session.get_session().get_service_model(sys.argv[1])


def is_like(pattern, value):
    # Python has no classes of Unicode's properties; these are the ones that AWS uses.
    for name, own in ((r"\p{L}", r"\w"), (r"\p{N}", r"\w"), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(name, own)
    return re.search(pattern, value)


def wrong(value, shape, path):
    if shape is None or shape.type_name == "timestamp":
        return
    if shape.type_name == "structure":
        for key in shape.required_members:
            if key not in value:
                yield f"{path}: {key} is missing"
        for key, part in value.items():
            if key in shape.members:
                yield from wrong(part, shape.members[key], f"{path}.{key}")
            else:
                yield f"{path}: there is no {key}"
    elif shape.type_name == "list":
        for part in value:
            yield from wrong(part, shape.member, f"{path}[]")
    elif shape.type_name == "string":
        facts = shape.metadata
        if not isinstance(value, str):
            yield f"{path}: {value!r} is no text"
        elif "enum" in facts and value not in facts["enum"]:
            yield f"{path}: {value} is none of {facts['enum']}"
        elif "pattern" in facts and not is_like(facts["pattern"], value):
            yield f"{path}: {value} is not {facts['pattern']}"
        elif not facts.get("min", 0) <= len(value) <= facts.get("max", len(value)):
            yield f"{path}: {value} is too long or too short"
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        yield f"{path}: {value!r} is neither true nor false"


for call in json.load(sys.stdin):
    operation = model.operation_model(call["operation"])
    for side, shape in (("input", operation.input_shape), ("output", operation.output_shape)):
        output = call[side]
        if side == "output" and "__type" in output:
            errors = {error.name for error in operation.error_shapes}
            if output["__type"] not in errors:
                print(f"{operation.name}: no error {output['__type']}")
        else:
            for line in wrong(output, shape, f"{operation.name}.{side}"):
                print(line)
