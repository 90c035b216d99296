"""The one error of pictures that can't be used."""


class ImageError(ValueError):
    """A picture that can't be used; ``code`` names why, the message says what to do.

    ``params`` stand in the message as ``%(name)s``, so that it can be looked up in a translation.
    """

    def __init__(self, code: str, message: str, **params: int | str) -> None:
        super().__init__(message % params)
        self.code, self.message, self.params = code, message, params
