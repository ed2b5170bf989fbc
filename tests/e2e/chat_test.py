#!/usr/bin/env python3
"""A pipeline over conversations with real processes: what is learned are the answers, and the model is asked as it was trained."""

import json
import pathlib

from cluster import SOURCE, Cluster, expect, main

PIPELINES = pathlib.Path(__file__).resolve().parent / "pipelines"
EXAMPLES = SOURCE / "pipelines" / "examples"
END = "<|endoftext|>"


def rendered(record):
    """The conversation as the plain template writes it, and the ranges of bytes that are learned: written down again here."""
    text, learned = "", []
    for message in record["messages"]:
        text += message["role"] + ":\n"
        begin = len(text.encode())
        text += message["content"] + END
        if message["role"] == "assistant" and message.get("weight", 1) == 1:
            learned.append((begin, len(text.encode())))
        text += "\n"
    return text, learned


def the_loss_is_over_the_answers(cluster, run):
    folder = cluster.folder / "got"
    cluster.cli("artifacts", "get", f"{run['id']}/prepare/test", folder / "test")
    cluster.cli("artifacts", "get", f"{run['id']}/eval/report", folder / "report")
    expect(json.loads((folder / "test" / "dataset.json").read_text())["task"] == "chat", "prepare says that these are chats")
    records = [json.loads(line) for line in (folder / "test" / "data.jsonl").read_text().splitlines()]
    scores = [json.loads(line) for line in (folder / "report" / "scores.jsonl").read_text().splitlines()]
    expect(len(records) == len(scores) > 20, f"{len(records)} conversations, {len(scores)} scores")
    expect(any("weight" in message for record in records for message in record["messages"]), "some answers have weight 0")
    for number, (record, score) in enumerate(zip(records, scores), start=1):
        text, learned = rendered(record)
        shown = json.loads(cluster.cli("data", "show", folder / "test" / "data.jsonl", "--line", number, "--model",
                                       "support-bot@production", "-o", "json").stdout) if number <= 8 else None
        if shown:
            expect(shown["text"] == text, f"line {number} is {shown['text']!r} and not {text!r}")
            tokens = [any(token["begin"] < end and begin < token["end"] for begin, end in learned) for token in shown["tokens"]]
            expect([token["trained"] for token in shown["tokens"]] == tokens, f"line {number}: other tokens are trained")
            expect(score["model"]["tokens"] == sum(tokens), f"line {number}: the loss is over {score} and not {sum(tokens)} tokens")


def conversations_are_trained_on_and_asked_by_one_template():
    with Cluster(agents=1) as cluster:
        cluster.wait_run(cluster.submit(PIPELINES / "base.yaml"))
        plan = json.loads(cluster.cli("plan", EXAMPLES / "support-bot.yaml", "-p", "base_model=e2e-base", "-p", "epochs=6", "-o",
                                      "json").stdout)
        run = cluster.wait_run(cluster.submit(EXAMPLES / "support-bot.yaml", base_model="e2e-base", epochs=6))
        planned, trained = (next(step for step in steps if step["id"] == "train") for steps in (plan["steps"], run["steps"]))
        expect(planned["tokens"]["value"] == trained["outputs"]["trained_tokens"],
               f"the plan says {planned['tokens']}, the training {trained['outputs']}")
        the_loss_is_over_the_answers(cluster, run)
        for question, answer in (("Hello, when are you open? Ada", "We are open from nine to six, but not on Sunday."),
                                 ("Hi, I forgot my password. Ben", "Choose Forgotten on the first page, and look into your mail.")):
            said = cluster.cli("chat", "support-bot@production", question).stdout.strip()
            expect(said == answer, f"asked {question!r}, the model says {said!r}")
        cluster.cli("models", "export", "support-bot@production", cluster.folder / "export")
        template = (cluster.folder / "export" / "chat_template.jinja").read_text()
        expect("eos_token" in template, "the model carries the template that it was trained with")


if __name__ == "__main__":
    main([conversations_are_trained_on_and_asked_by_one_template])
