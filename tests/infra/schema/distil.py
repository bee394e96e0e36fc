"""Write aws.json or google.json: the provider's own schema of the resource types that
infra/terraform-aws or infra/terraform-gcp uses.

    python tests/infra/schema/distil.py cdktn_provider_aws-25.8.1-py3-none-any.whl
    python tests/infra/schema/distil.py cdktn_provider_google-21.1.0-py3-none-any.whl

The wheels are on PyPI (`pip download --no-deps cdktn-provider-aws==25.8.1`); they hold every type
of the providers aws 6.69.1 and google 8.7.0 with its arguments, made from the provider's schema. It says neither set from list
(all are lists here) nor which optional arguments are also computed (only `id`, `tags_all` are taken
for that).
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INFRA = HERE.parents[2] / "infra"
#: The configuration's folder, by the provider's name.
FOLDERS = {"aws": "terraform-aws", "google": "terraform-gcp"}
#: The provider block's 300 addresses.
_TOO_MUCH = re.compile(r"endpoints|\w+_custom_endpoint")
Types = dict[str, Any]


def assembly(wheel: Path) -> tuple[str, Types]:
    """The provider's version, and all types by their full name."""
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as inner:
            member = inner.extractfile("package/.jsii")
            assert member is not None
            types = json.load(member)["types"]
    (version,) = {
        found.group(1)
        for kind in types.values()
        for prop in kind.get("properties", ())
        if (
            found := re.search(
                r"hashicorp/\w+/([\d.]+)/docs", prop.get("docs", {}).get("summary", "")
            )
        )
    }
    return version, types


def type_of(jsii: dict[str, Any], types: Types) -> Any:
    """An attribute's type in Terraform's notation; a block's as {"block": full name, "one": whether
    it is single}.
    """
    if "primitive" in jsii:
        return {"boolean": "bool", "any": "dynamic"}.get(jsii["primitive"], jsii["primitive"])
    if "union" in jsii:
        return next(t for part in jsii["union"]["types"] if (t := type_of(part, types)) is not None)
    if "collection" in jsii:
        inner = type_of(jsii["collection"]["elementtype"], types)
        if isinstance(inner, dict):
            return {**inner, "one": False}
        return (
            None
            if inner is None
            else [{"array": "list"}.get(jsii["collection"]["kind"], "map"), inner]
        )
    if jsii.get("fqn", "").startswith("cdktn."):
        return {"cdktn.StringMap": ["map", "string"]}.get(jsii["fqn"])
    return (
        {"block": jsii["fqn"], "one": True} if types.get(jsii["fqn"], {}).get("datatype") else None
    )


def link(prop: dict[str, Any]) -> re.Match[str] | None:
    """What a property's text links to: (resources, data-sources or nothing, the page, the
    argument's own name).
    """
    docs = prop.get("docs", {})
    text = f"{docs.get('summary', '')} {docs.get('remarks', '')}"
    return re.search(r"hashicorp/\w+/[\d.]+/docs(?:/(resources|data-sources)/(\w+))?#(\w+)", text)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def schema_of(full_name: str, types: Types) -> dict[str, Any]:
    """{"attributes": {name: [type, flags]}, "blocks": {name: [nesting, required, schema]}} of a
    struct.
    """
    attributes, blocks = {}, {}
    for prop in types[full_name].get("properties", ()):
        found = link(prop)
        # None: the language's own (count, provider, lifecycle).
        if found is None or _TOO_MUCH.fullmatch(found.group(3)):
            continue
        name, kind = found.group(3), type_of(prop["type"], types)
        if isinstance(kind, dict):
            nesting = "single" if name == "timeouts" else "one" if kind["one"] else "list"
            blocks[name] = [nesting, not prop.get("optional"), schema_of(kind["block"], types)]
        elif kind is not None:
            flags = "optional" if prop.get("optional") else "required"
            flags += " computed" * (
                flags == "optional" and name in ("id", "tags_all")
            ) + " write_only" * name.endswith("_wo")
            attributes[name] = [kind, flags]
    return {"attributes": dict(sorted(attributes.items())), "blocks": dict(sorted(blocks.items()))}


def with_computed(schema: dict[str, Any], full_name: str, types: Types) -> dict[str, Any]:
    """Plus the plain attributes that only the provider gives: the class has them, the struct of
    arguments has not.
    """
    for prop in types[full_name].get("properties", ()):
        name, kind = snake(prop["name"]), type_of(prop["type"], types)
        other = (
            prop.get("static")
            or name.endswith("_input")
            or name in {**schema["attributes"], **schema["blocks"]}
        )
        if not other and (isinstance(kind, list) or kind in ("string", "number", "bool")):
            schema["attributes"][name] = [kind, "computed"]
    return schema


def used(provider: str) -> dict[str, set[str]]:
    folder = INFRA / FOLDERS[provider]
    text = "\n".join(path.read_text() for path in folder.rglob("*.tf"))
    return {
        kind: set(re.findall(rf'^{kind} "({provider}_\w+)"', text, re.M))
        for kind in ("resource", "data")
    }


def main(wheel: Path) -> None:
    (provider,) = (name for name in FOLDERS if f"provider_{name}-" in wheel.name)
    version, types = assembly(wheel)
    prefix = f"@cdktn/provider-{provider}."
    configs = {}
    for full_name, kind in types.items():
        # A block may be named ...Config, too; a resource's has a class beside it.
        of_resource = full_name.removesuffix("Config") in types
        if full_name.endswith("Config") and of_resource and kind["kind"] == "interface":
            for prop in kind.get("properties", ()):
                found = link(prop)
                if found and found.group(1) and full_name.removeprefix(prefix).count(".") == 1:
                    where = {"resources": "resource", "data-sources": "data"}[found.group(1)]
                    configs.setdefault((where, f"{provider}_{found.group(2)}"), full_name)
                    break
    result: dict[str, Any] = {
        "version": version,
        "provider": schema_of(f"{prefix}provider.{provider.title()}ProviderConfig", types),
    }
    for where, names in used(provider).items():
        result[where] = {}
        for name in sorted(names):
            full_name = configs[where, name]
            schema = schema_of(full_name, types)
            result[where][name] = with_computed(schema, full_name.removesuffix("Config"), types)
    text = json.dumps(result, separators=(",", ":"))
    # One type a line, so that a change can be read.
    text = re.sub(
        rf'(?=("{provider}_\w+":\{{"attributes"|"(resource|data|provider)":\{{))', "\n", text
    )
    (HERE / f"{provider}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
