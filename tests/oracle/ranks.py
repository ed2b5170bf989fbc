"""cl100k_base and o200k_base against tiktoken, with the ranks that the npm package tiktoken holds."""
import base64
import json
import random

import tiktoken

import corpus
import tokenizing

TOPIC = "tiktoken"
PACKAGE = ("tiktoken", "1.0.22", "55c339e756fdb17604f7c7e3eb35d2bcbffe4d960e8096e50285d1cefa51dd90")
TEXT_BYTES = 5_200_000
STRINGS = 300_000


def load(oracle, name):
    """tiktoken's Encoding and our path of the same."""
    content = json.loads((oracle.npm(*PACKAGE) / "encoders" / f"{name}.json").read_text())
    ranks = {}
    for line in content["bpe_ranks"].split("\n"):
        _, first, *tokens = line.split(" ")  # "! 0 IQ== Ig== …"
        ranks.update({base64.b64decode(token): int(first) + number for number, token in enumerate(tokens)})
    path = oracle.cache / f"{name}.tiktoken"
    path.write_text("".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items()))
    return tiktoken.Encoding(name, pat_str=content["pat_str"], mergeable_ranks=ranks, special_tokens=content["special_tokens"]), path


def places(theirs, text, ids):
    """The characters of each token, whole ones: tiktoken's offsets, and where the character that a token cuts ends."""
    raw = text.encode()
    begins = [(byte & 0xC0) != 0x80 for byte in raw] + [True]
    before, result = 0, []
    for number in ids:
        begin, end = before, before + len(theirs.decode_single_token_bytes(number))
        before = end
        while not begins[begin]:
            begin -= 1
        while not begins[end]:
            end += 1
        result.append([begin, end])
    return result


def compare(oracle, name, theirs, path, texts):
    answers = tokenizing.read_encodings(tokenizing.ours(oracle, "encode", path, tokenizing.text_frames(texts)))
    expected = theirs.encode_batch(texts, num_threads=2, allowed_special="all")
    for text, their_ids, (ids, ranges, decoded, streamed) in zip(texts, expected, answers, strict=True):
        where = f"{name} {text[:80]!r}"
        if oracle.check(ids is not None and their_ids == ids.tolist(), lambda: f"{where}: ids differ"):
            oracle.check(decoded == text and streamed, lambda: f"{where}: decoding differs")
            oracle.check(len(text) > 20_000 or ranges.tolist() == places(theirs, text, their_ids), lambda: f"{where}: places differ")


def run(oracle):
    rng = random.Random(5)
    share = 10 if oracle.quick else 1
    documents = corpus.documents(3, TEXT_BYTES // share) + corpus.every_character(share)
    documents += ["a" * 100_000, " " * 100_000 + "b", "\n" * 50_000, "é" * 50_000, "ab" * 50_000]
    for name in ("cl100k_base", "o200k_base"):
        theirs, path = load(oracle, name)
        compare(oracle, name, theirs, path, documents)
        compare(oracle, name, theirs, path, [corpus.random_text(rng) for _ in range(STRINGS // share)])
        oracle.say(f"{name}: {theirs.n_vocab:,} tokens, {sum(len(text.encode()) for text in documents):,} bytes of mixed text, {STRINGS // share:,} random strings")
