#!/usr/bin/env python3
"""Checks by hand that transformers and peft load what luthier-worker wrote and compute what it reported.

    python3 check_with_transformers.py MODEL_FOLDER DATASET_FOLDER [ADAPTER_FOLDER]

Prints loss, token accuracy and sequence accuracy over the dataset's prompt/completion records; they must equal the
numbers of the worker's eval (metrics with the adapter, base_metrics without it).
"""
import json
import pathlib
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer


def score(model, tokenizer, records):
    loss = tokens = right = whole = 0
    for record in records:
        prompt = tokenizer(record["prompt"], add_special_tokens=False).input_ids
        completion = tokenizer(record["completion"], add_special_tokens=False).input_ids + [tokenizer.eos_token_id]
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1:-1]
        target = torch.tensor(completion)
        loss += torch.nn.functional.cross_entropy(logits, target, reduction="sum").item()
        hits = logits.argmax(-1) == target
        tokens += len(completion)
        right += hits.sum().item()
        whole += bool(hits.all())
    return {"loss": loss / tokens, "token_accuracy": right / tokens, "sequence_accuracy": whole / len(records)}


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    lines = (pathlib.Path(sys.argv[2]) / "data.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    print("base ", score(model, tokenizer, records))
    if len(sys.argv) == 4:
        print("tuned", score(PeftModel.from_pretrained(model, sys.argv[3]).eval(), tokenizer, records))


main()
