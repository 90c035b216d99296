"""Features: stored with each assessment where the model gives them, and there in the own data."""

import numpy as np
import pytest

from diagnosis.own_data import archive
from diagnosis.records import assessments
from ml import features
from tests.factories import RecordFactory, assessed, picture

FEATURES = np.linspace(-2, 2, 128, dtype=np.float32)


@pytest.fixture
def graph_gives(monkeypatch):
    """graph_gives({…}): the released graph with these outputs beside its own, else without any."""
    model = assessments.classifier()
    engine = model.readers[0]

    def give(more: dict[str, np.ndarray]) -> None:
        def answer(square: np.ndarray) -> dict[str, np.ndarray]:
            own = {name: value for name, value in engine(square).items() if name != "features"}
            return own | more

        monkeypatch.setattr(model, "readers", (answer,))

    return give


@pytest.fixture
def whole(alice):
    return {"owner": alice, "image__data": picture((600, 600))}


def test_they_are_stored_with_the_answer(graph_gives, whole):
    graph_gives({"features": FEATURES})
    record = RecordFactory(**whole)
    assessments.run(record.pk)
    stored = record.assessments.get().features
    assert len(stored) == 256
    assert features.unpack([stored])[0] == pytest.approx(FEATURES, abs=1e-3)
    [told] = archive._record(record)["assessments"]
    assert told["features"] == pytest.approx(FEATURES.tolist(), abs=1e-3)


def test_an_older_graph_gives_an_answer_without_them(graph_gives, whole):
    graph_gives({})
    record = RecordFactory(**whole)
    assessments.run(record.pk)
    record.refresh_from_db()
    assert record.current_assessment.features is None
    assert archive._record(record)["assessments"][0]["features"] is None


def test_assessing_again_fills_them_in(graph_gives, whole):
    record = assessed(**whole)
    assert record.current_assessment.features is None
    graph_gives({"features": FEATURES})
    assessments.run_again(record.pk)
    record.refresh_from_db()
    assert len(record.current_assessment.features) == 256
