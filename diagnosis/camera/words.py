"""What the camera page's script says: the server's words, for a page that works without it."""

from django.utils.translation import gettext as _

from diagnosis.language import results, terms
from ml import taxonomy


def words() -> dict[str, dict]:
    """Answers by advice from the mildest on, hints by reason or warning, and other sentences."""
    return {
        "answers": {
            advice: {
                "tone": results.TONES[advice],
                "heading": str(results.HEADINGS[advice]),
                "how_soon": str(results.HOW_SOON[advice]),
            }
            for advice in taxonomy.ADVICE
            if advice in results.HOW_SOON
        },
        "hints": {code: str(text) for code, text in (terms.REASONS | terms.WARNINGS).items()},
        "says": {
            "loading": _("Getting the program: %(total)s MB"),
            "ready": _("The program is ready."),
            "starting": _("Starting the camera…"),
            "looking": _("Put one mole in the frame"),
            "stays": _(
                "A warning sign was seen. It stays here for this mole, also when a later look is "
                "better. For another mole, press “Another mole”."
            ),
            "untested": f"{results.UNTESTED_SKIN} "
            + _("So trust this answer less, and show the mole to a doctor."),
            "sending": _("Sending the picture…"),
            "is_offline": _(
                "You are offline. The camera works all the same. A picture that you save is kept "
                "on this phone until you send it."
            ),
            "offline": _(
                "The picture could not be sent. It is kept on this phone. Try again below when "
                "you are online."
            ),
            "signIn": _("The picture is kept on this phone. Sign in, then send it below."),
            "refused": _("The picture was not taken. It is kept on this phone."),
            "not_kept": _(
                "The picture could neither be sent nor be kept on this phone. Save it again when "
                "you are online and signed in."
            ),
            "deleted": _("The picture is deleted."),
            "taken_away": _("The camera was switched off."),
            "broken": _("Something went wrong. Load the page again."),
            "no_model": _(
                "The program could not be loaded. Check your connection and load the page again."
            ),
            "unsupported": _(
                "This browser can’t do this. Use a newer one, or upload a picture instead."
            ),
            "no_camera": _("No camera was found. You can upload a picture instead."),
            "NotAllowedError": _(
                "This page may not use the camera. Allow it in the settings of your browser, then "
                "start again. You can also upload a picture instead."
            ),
            "NotReadableError": _(
                "The camera is in use by another program. Close that program, then start again."
            ),
        },
    }
