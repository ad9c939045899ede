"""Prints the fields of an SDK's requests: `fields.py DIALECT`. It runs in an environment that has nothing but one SDK."""

import json
import sys
import typing


def openai() -> set[str]:
    from openai.types.chat.completion_create_params import CompletionCreateParams

    return members(CompletionCreateParams)


def responses() -> set[str]:
    from openai.types.responses.response_create_params import ResponseCreateParams

    return members(ResponseCreateParams)


def anthropic() -> set[str]:
    """Those of betas as well."""
    from anthropic.types import beta, message_create_params

    return members(message_create_params.MessageCreateParams) | members(
        beta.message_create_params.MessageCreateParams
    )


def gemini() -> set[str]:
    """What the client takes; where each of them stands in the request is for the reader of this to know."""
    from google.genai.types import GenerateContentConfig

    return set(GenerateContentConfig.model_fields) | {"model", "contents"}


def members(kind: object) -> set[str]:
    """The members of a typed dictionary, or of several that are one type."""
    parts = typing.get_args(kind) or (kind,)
    return {name for part in parts for name in typing.get_type_hints(part)}


if __name__ == "__main__":
    print(json.dumps(sorted(globals()[sys.argv[1]]())))
