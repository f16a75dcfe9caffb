"""Code that stands in a notebook alone, run from there: so what is measured of it is measured of the very same."""

import ast
import json
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent.parent


def statements(number):
    """The statements of a notebook's code cells, as ast nodes in their order; without magics and the set-up."""
    path, = NOTEBOOKS.glob(f"{number}_*.ipynb")
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "google.colab" not in source:
            lines = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
            yield from ast.parse("\n".join(lines)).body


def of_notebook(number, *names, **given):
    """The names of a notebook after its imports, its definitions and the assignments to `names`; `given` come first."""
    space, wanted = dict(given), set(names)
    for statement in statements(number):
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        assigned = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        needed = isinstance(statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
        if needed or assigned & wanted:
            exec(compile(ast.Module([statement], []), f"notebook {number}", "exec"), space)
    missing = wanted - set(space)
    assert not missing, f"notebook {number} assigns no {missing}"
    return space


def asserted(number, words):
    """The number on the right of the one assertion of a notebook that has these words in it."""
    found = [node.test.comparators[0].value for node in statements(number)
             if isinstance(node, ast.Assert) and words in ast.unparse(node)]
    assert len(found) == 1, f"notebook {number} asserts {words} {len(found)} times"
    return found[0]
