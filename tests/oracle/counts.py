"""`luthier data count` against the arithmetic of the cookbook's notebook, done here with tiktoken and numpy: tokens of every
example, their distributions to the digit, the default epochs and the billed tokens."""
import json
import random
import subprocess

import numpy

import corpus
import ranks

TOPIC = "counts"
FILES = 60
CONTEXT, TARGET, LEAST, MOST, EPOCHS_LEAST, EPOCHS_MOST = 16_385, 3, 100, 25_000, 1, 25


def tokens_of(encoding, messages):
    total = 3
    for message in messages:
        total += 3
        for key, value in message.items():
            total += len(encoding.encode(value, disallowed_special=())) + (key == "name")
    return total


def answers_of(encoding, messages):
    return sum(len(encoding.encode(message["content"], disallowed_special=())) for message in messages
               if message["role"] == "assistant")


def distribution(values):
    return {"min": int(min(values)), "max": int(max(values)), "mean": float(numpy.mean(values)),
            "median": float(numpy.median(values)), "p5": float(numpy.quantile(values, 0.1)),
            "p95": float(numpy.quantile(values, 0.9))}


def epochs_of(examples):
    if examples * TARGET < LEAST:
        return min(EPOCHS_MOST, LEAST // examples)
    if examples * TARGET > MOST:
        return max(EPOCHS_LEAST, MOST // examples)
    return TARGET


def draw_chat(rng, documents):
    def text(longest):
        document = rng.choice(documents)
        begin = rng.randrange(len(document) + 1)
        return document[begin:begin + rng.randrange(longest)]

    messages = [{"role": "system", "content": text(200)}] if rng.random() < 0.6 else []
    for _ in range(rng.randint(1, 4)):
        user = {"role": "user", "content": text(400)}
        if rng.random() < 0.2:
            user["name"] = rng.choice(["anna", "Ben_7", "名前"])
        messages += [user, {"role": "assistant", "content": text(90_000 if rng.random() < 0.002 else 400)}]
    return messages


def expected(encoding, chats):
    lengths = [tokens_of(encoding, messages) for messages in chats]
    answers = [answers_of(encoding, messages) for messages in chats]
    epochs = epochs_of(len(chats))
    billed = sum(min(CONTEXT, length) for length in lengths)
    return {"examples": len(chats),
            "missing_system": sum(not any(m["role"] == "system" for m in messages) for messages in chats),
            "missing_user": sum(not any(m["role"] == "user" for m in messages) for messages in chats),
            "distributions": {"messages_per_example": distribution([len(messages) for messages in chats]),
                              "tokens_per_example": distribution(lengths),
                              "answer_tokens_per_example": distribution(answers)},
            "truncated": {"examples": sum(length > CONTEXT for length in lengths),
                          "tokens": sum(max(0, length - CONTEXT) for length in lengths)},
            "billed_tokens": billed, "epochs": epochs, "trained_tokens": billed * epochs,
            "each": [{"line": line, "tokens": tokens, "answer_tokens": of_answers}
                     for line, (tokens, of_answers) in enumerate(zip(lengths, answers), start=1)]}


def count(oracle, *arguments):
    done = subprocess.run([oracle.root / "out" / "bin" / "luthier", "data", "count", "-o", "json", *map(str, arguments)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)


def run(oracle):
    rng = random.Random(11)
    encoding, path = ranks.load(oracle, "cl100k_base")
    documents = corpus.documents(3, 1_000_000 if oracle.quick else 3_000_000)
    file = oracle.cache / "chats.jsonl"
    for number in range(FILES // 10 if oracle.quick else FILES):
        examples = rng.choice([1, 2, 3, 7, 33, 34, 100, 101, 400]) if number else 8_400  # few enough epochs need many
        chats = [draw_chat(rng, documents) for _ in range(min(examples, 400))]
        chats = (chats * (examples // len(chats) + 1))[:examples]
        file.write_text("".join(json.dumps({"messages": messages}, ensure_ascii=False) + "\n" for messages in chats))
        theirs = expected(encoding, chats)
        ours = count(oracle, file, "--tokenizer", path, "--each")
        for name, value in theirs.items():
            oracle.equal(ours[name], value, f"file {number} of {examples} examples: {name}")
    # 100,000 tokens for three epochs at 8 dollars a million: 2.40 dollars.
    file.write_text((json.dumps({"prompt": "", "completion": " a" * 1_000}) + "\n") * 100)
    cost = count(oracle, file, "--tokenizer", path, "--price", 8)
    oracle.equal((cost["billed_tokens"], cost["epochs"], cost["cost"]["training"]), (100_000, 3, 2.4), "the guide's cost")
