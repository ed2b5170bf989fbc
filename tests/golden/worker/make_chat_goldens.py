#!/usr/bin/env python3
"""Makes chats.json: the ids of conversations, and which of them the assistant writes, as transformers' apply_chat_template
gives them with the tokenizer of `llama` here and the templates of ../templates. Needs transformers, without torch."""

import datetime
import json
import pathlib
import shutil
import tempfile

import transformers
from transformers.utils import chat_template_utils as utils

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATES = HERE.parent / "templates"
DIALECTS = ["chatml", "gemma", "llama31", "mistral", "phi", "qwen25"]
CHATS_OF_EACH = 6


class TrainingDate(datetime.datetime):
    """The day that trainings write (docs/data.md, Trained chats)."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2024, 7, 26)


def tokenizer_with(template):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(HERE / "llama" / name, folder)
        tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.chat_template = template
    return tokenizer


def main():
    utils.datetime = TrainingDate
    chats = [chat for chat in json.loads((TEMPLATES / "chats.json").read_text())
             if any(message["role"] == "assistant" for message in chat["messages"])
             and all(isinstance(message.get("content"), str) and "weight" not in message for message in chat["messages"])]
    made = {}
    for dialect in DIALECTS:
        tokenizer = tokenizer_with((TEMPLATES / f"{dialect}.jinja").read_text())
        made[dialect] = []
        for chat in chats:
            if len(made[dialect]) == CHATS_OF_EACH:
                break
            try:
                given = tokenizer.apply_chat_template(chat["messages"], tools=chat.get("tools"), tokenize=True, return_dict=True,
                                                      return_assistant_tokens_mask=True)
            except Exception:  # a conversation that this template refuses
                continue
            if len(given["input_ids"]) > 400 or not any(given["assistant_masks"]):
                continue
            record = {name: value for name, value in chat.items() if value}
            made[dialect].append({"record": record, "ids": given["input_ids"], "trained": given["assistant_masks"]})
    lines = [f'{json.dumps(dialect)}: [\n' + ",\n".join(json.dumps(one) for one in found) + "]" for dialect, found in made.items()]
    (HERE / "chats.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
