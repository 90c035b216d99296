"""The tables of settings in docs/operations.md: ``python -m skincare_site.settings_table``.

From .env.example, which docker-compose.yml reads, and from the comments in settings.py.
"""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/operations.md"
# Of `make run`, of tests and of the image; nobody sets them on a server.
INTERNAL = {"DEMO", "HTTPS", "STATIC_ROOT", "VERSION", "EMAIL_VERIFICATION"}
Row = tuple[str, str, str]


def of_compose() -> Iterator[Row]:
    """Name, value in the example and the comment above, of each line of .env.example."""
    said = ""
    lines = (ROOT / ".env.example").read_text().splitlines()
    for line, following in pairwise([*lines, ""]):
        if line.startswith("#"):
            said = f"{said} {line[1:].strip()}".strip()
        elif "=" in line:
            name, _equals, value = line.partition("=")
            yield name, value, said
            # It also holds for a variable in the next line: no other comment stands between.
            said = said if following[:1].isupper() else ""
        else:
            said = ""


def of_the_service() -> Iterator[Row]:
    """Name, default and comment of what the settings read and docker-compose.yml does not set."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = {
        name.removesuffix("_FILE")
        for service in compose.values()
        for name in service.get("environment", {})
    }
    text = (ROOT / "skincare_site/settings.py").read_text()
    lines = text.splitlines()
    for statement in ast.parse(text).body:
        for call in ast.walk(statement):
            if not isinstance(call, ast.Call):
                continue
            name = _variable(call)
            if name and name not in given | INTERNAL:
                default = [word.value for word in call.keywords if word.arg == "default"]
                yield name, ast.unparse(default[0]) if default else "", _comment(lines, statement)


def _variable(call: ast.Call) -> str | None:
    """The NAME of env("NAME") or env.kind("NAME")."""
    if not (call.args and isinstance(call.args[0], ast.Constant)):
        return None
    function = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    is_env = isinstance(function, ast.Name) and function.id == "env"
    return str(call.args[0].value) if is_env else None


def _comment(lines: list[str], statement: ast.stmt) -> str:
    said: list[str] = []
    number = statement.lineno - 2
    while lines[number].startswith("#"):
        said.insert(0, lines[number].lstrip("# "))
        number -= 1
    return " ".join(said)


def page() -> str:
    """The page with its tables as they have to be."""
    text = PAGE.read_text()
    for mark, rows in (("env", of_compose()), ("settings", of_the_service())):
        table = ["| name | default | what |", "| --- | --- | --- |"]
        for name, value, said in rows:
            shown = f"`{value}`" if value else ""
            table.append(f"| `{name}` | {shown} | {said.replace('|', '/')} |")
        begin, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
        head, _begin, rest = text.partition(begin)
        text = head + begin + "\n".join(table) + "\n" + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
