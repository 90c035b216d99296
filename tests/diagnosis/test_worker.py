"""An upload through a real worker process, under each engine."""

import io

import psutil
import pytest
from rest_framework.test import APIClient

from diagnosis.models import Assessment, MoleRecord
from ml.synthetic.phantoms import render
from skincare_site.celery import app
from tests.diagnosis.programs import Program, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def start(process_environment, tmp_path):
    """start(ML_ENGINE="keras"): a worker, ready to consume."""
    app.control.purge()
    workers = []

    def start_worker(**environment):
        command = ("celery", "-A", "skincare_site", "worker", "--loglevel=INFO", "--concurrency=1")
        worker = Program(
            *command, log=tmp_path / "worker.log", **(process_environment | environment)
        )
        workers.append(worker)
        return worker

    yield start_worker
    for worker in workers:
        worker.stop()


def upload(api):
    picture = io.BytesIO()
    render("irregular_mole").save(picture, "JPEG", quality=92)
    picture.seek(0)
    picture.name = "phantom.jpg"
    response = api.post("/api/v1/records/", {"image": picture}, format="multipart")
    assert response.status_code == 201
    return response.json()["id"]


def uses_tensorflow(worker):
    children = psutil.Process(worker.process.pid).children()
    return any("/tensorflow/" in file.path for child in children for file in child.memory_maps())


def test_both_engines_give_the_same_answer_through_a_worker(start, alice):
    api = APIClient()
    api.force_authenticate(alice)
    answers = {}
    for engine in ("litert", "keras"):
        worker = start(ML_ENGINE=engine)
        record = upload(api)
        wait_for(Assessment.objects.filter(record=record).exists, 300, worker.log)
        answers[engine] = api.get(f"/api/v1/records/{record}/").json()["assessment"]
        assert uses_tensorflow(worker) == (engine == "keras")
        worker.stop()
    litert, keras = answers["litert"], answers["keras"]
    for name in ("diagnoses", "categories"):
        assert litert[name] == pytest.approx(keras[name], abs=1e-4)
    assert litert["heatmap"]["values"] == pytest.approx(keras["heatmap"]["values"], abs=1e-3)
    same = ("model_version", "usable", "reasons", "risk_category", "uncertain", "advice")
    assert {name: litert[name] for name in same} == {name: keras[name] for name in same}
    assert MoleRecord.objects.filter(attempts=1).count() == 2


def test_a_worker_that_can_not_load_the_model_refuses_to_start(start, tmp_path):
    broken = tmp_path / "ai_edge_litert"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('a broken wheel')")
    worker = start(PYTHONPATH=str(tmp_path))
    assert worker.process.wait(240) != 0
    log = worker.log.read_text()
    assert "a broken wheel" in log
    assert "The worker does not start" in log
