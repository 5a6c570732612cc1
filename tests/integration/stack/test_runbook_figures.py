"""What the runbook asks Prometheus is something that Prometheus can be asked."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.e2e.pages.blocks import blocks
from tests.services.requirement import service_is_missing

PAGE = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"


def test_every_expression_of_the_runbook_is_understood_by_prometheus(tmp_path: Path) -> None:
    """Each of them as a recording rule, which promtool parses."""
    if shutil.which("promtool") is None:
        service_is_missing("promtool is not installed: apt-get install prometheus")
    expressions = [block.text for block in blocks(PAGE, "promql")]
    assert len(expressions) > 8
    rules = [{"record": f"runbook:{number}", "expr": text} for number, text in enumerate(expressions)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "runbook", "rules": rules}]}))

    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(expressions)} rules found" in done.stdout
