"""Old records, assessed again by the released model."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

import ml.release
from diagnosis.records import reassessments


class Command(BaseCommand):
    help = (
        "Have the workers assess all records again whose answer is of another version than the "
        "released model's. Stopped and started again, it goes on. Earlier answers stay stored."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ml.release.current()
        except ml.release.ReleaseError as error:
            raise CommandError(str(error)) from None
        # By person: who is to be told of several hears of them in one e-mail.
        ordered = reassessments.outdated().order_by("owner", "pk")
        keys = list(ordered.values_list("pk", flat=True))
        left = []
        try:
            with tqdm(total=len(keys), desc="Assessing", unit="record") as bar:
                for key, done in reassessments.run(keys):
                    bar.update()
                    if not done:
                        left.append(key)
                        with tqdm.external_write_mode():
                            self.stderr.write(f"keeps its earlier answer: {key}")
        except reassessments.Unreachable:
            raise CommandError("The broker can't be reached; start again when it is up.") from None
        self.stdout.write(f"{len(keys) - len(left):,} of {len(keys):,} records assessed again")
        if others := reassessments.not_judged():
            self.stdout.write(
                f"{others:,} records keep their earlier answer: the released model does not judge "
                "pictures of their kind"
            )
        if left:
            raise CommandError(
                f"{len(left):,} records keep their earlier answer: their picture can't be read, "
                "or no worker answered in time. The workers' log says which."
            )
