"""deploy/prometheus/: rules and board ask for figures that exist, and the rules fire."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from prometheus_client.parser import text_string_to_metric_families

from diagnosis.records import assessments, uploads
from tests.factories import picture

FOLDER = Path(__file__).parents[2] / "deploy/prometheus"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
BOARD = json.loads((FOLDER / "board.json").read_text())
PROMTOOL = shutil.which("promtool")  # in Debian's package prometheus
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "info": ["_info"]}
NAME = re.compile(r"\b(?:skincare|django)_\w+")
WORKS = [
    f'skincare_up{{part="{part}"}} 1x99'
    for part in ("database", "broker", "workers", "model", "media")
] + [
    'up{job="skincare"} 1x99',
    "skincare_workers 1x99",
    "skincare_queue_oldest_seconds 3x99",
    "skincare_last_sweep_timestamp_seconds 0+30x99",
    "skincare_last_backup_timestamp_seconds 5x99",
    "skincare_last_backup_try_timestamp_seconds 5x99",
    "skincare_media_free_bytes 50x99",
    "skincare_media_size_bytes 100x99",
]


def queries() -> list[str]:
    panels = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in RULES] + panels


@pytest.mark.django_db(transaction=True)
def test_each_figure_that_rules_and_board_ask_for_is_given(
    client, settings, alice, tmp_path
) -> None:
    settings.METRICS_TOKEN = "collector"
    settings.BACKUP_KEY = str(pyrage.x25519.Identity.generate())
    call_command("backup", to=tmp_path)
    file = SimpleUploadedFile("mole.jpg", picture((600, 600)))
    assessments.run(uploads.submit(owner=alice, file=file).pk)
    assessments.sweep()
    client.get("/health/live")
    answer = client.get("/metrics", headers={"Authorization": "Bearer collector"})
    given = {
        family.name + suffix
        for family in text_string_to_metric_families(answer.content.decode())
        for suffix in SUFFIXES.get(family.type, [""])
    }
    asked = {name for query in queries() for name in NAME.findall(query)}
    assert len(asked) > 15
    assert asked - given == set()


def test_panels_lie_beside_each_other_and_say_what_they_show() -> None:
    taken = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["action"].endswith(".")


FIRES = {
    "ServiceDown": ['up{job="skincare"} 0x99'],
    "PartDown": ['skincare_up{part="broker"} 0x99'],
    "NoWorker": ["skincare_workers 0x99"],
    "NothingIsSwept": ["skincare_last_sweep_timestamp_seconds 60x99"],
    "QueueIsOld": ["skincare_queue_oldest_seconds 0+60x99"],
    "AssessmentsFail": ['skincare_assessments_total{outcome="failed",model_version=""} 0+1x99'],
    "AssessmentsAreSlow": [
        'skincare_stage_seconds_bucket{stage="assess",le="5.0"} 0x99',
        'skincare_stage_seconds_bucket{stage="assess",le="10.0"} 0+9x99',
        'skincare_stage_seconds_bucket{stage="assess",le="+Inf"} 0+9x99',
    ],
    "UploadsAreTurnedAway": ['skincare_refusals_total{reason="busy"} 0+3x99'],
    "AnswersFail": [
        'django_http_responses_total_by_status_total{status="200"} 0+90x99',
        'django_http_responses_total_by_status_total{status="503"} 0+9x99',
    ],
    "DiskFillsUp": ["skincare_media_free_bytes 5x99"],
    "BackupFails": ["skincare_last_backup_try_timestamp_seconds 5 65x99"],
    "BackupIsOld": ["skincare_last_backup_timestamp_seconds -100000x99"],
    "MailsWait": ["skincare_mails_oldest_seconds 4000x199"],
    "AdviceHasShifted": [
        'skincare_advice_total{advice="watch",modality="photo"} 0+30x144 4320x150',
        'skincare_advice_total{advice="doctor_days",modality="photo"} 0+1x144 144+30x150',
    ],
}


def _series(lines: list[str]) -> list[dict[str, str]]:
    return [dict(zip(("series", "values"), line.split(" ", 1), strict=True)) for line in lines]


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
def test_each_alert_fires_when_it_should_and_none_while_all_is_well(tmp_path) -> None:
    assert {rule["alert"] for rule in RULES} == set(FIRES)
    tests = [
        {
            "interval": "30s",
            "input_series": _series(WORKS),
            "promql_expr_test": [
                {
                    "expr": 'count(ALERTS{alertstate="firing"})',
                    "eval_time": "45m",
                    "exp_samples": [],
                }
            ],
        }
    ]
    for alert, lines in FIRES.items():
        changed = {line.split(" ")[0] for line in lines}
        slow = alert == "AdviceHasShifted"
        others = [] if slow else [line for line in WORKS if line.split(" ")[0] not in changed]
        query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
        tests.append(
            {
                "name": alert,
                "interval": "10m" if slow else "30s",
                "input_series": _series(others + lines),
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": "2880m" if slow else "45m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                ],
            }
        )
    file = tmp_path / "alerts_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(FOLDER / "alerts.yml")], "tests": tests}))
    checked = subprocess.run([PROMTOOL, "test", "rules", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (tmp_path / "metrics_token").touch()
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    command = [PROMTOOL, "check", "config", tmp_path / "prometheus.yml"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
