"""Chat templates against Hugging Face: the templates of many models over many conversations, rendered by transformers'
apply_chat_template (Python's Jinja) and by our engine. Texts and generation masks must be equal, and what one of them
refuses the other must refuse. The templates are read from source packages; nothing of them is kept here."""
import datetime
import json
import re
import subprocess

from transformers.utils import chat_template_utils

import conversations

TOPIC = "templates"
PACKAGES = [("axolotl", "0.16.1", "0c3f279db8c8799de638fc3d0a7860e55446b539a1d455c727c4ca531571bee9"),
            ("llama-cpp-python", "0.3.16", "34ed0f9bd9431af045bb63d9324ae620ad0536653740e9bb163a2e1fcb973be6")]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
# The families that must be among them, by a template of each (vigogne-2 is tuned from Llama 2 in its format).
FAMILIES = {"Llama 2": "vigogne-2-70b-chat", "Llama 3": "axolotl/llama3", "Llama 3.1 with tools": "Llama-3.1-8B", "Mistral": "mistral_v",
            "Qwen 2.5": "Qwen2.5", "Qwen 3": "Qwen3", "Gemma": "gemma", "Phi": "phi_", "DeepSeek": "deepseek", "ChatML": "axolotl/chatml"}


class FixedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2026, 1, 5, 7, 8, 9)  # as oracle_render says


def c_strings(source):
    """Templates of older models, written as C++ strings in llama.cpp's own test."""
    for name, text in re.findall(r'/\* \.name= \*/ "([^"]+)",\s*/\* \.template_str= \*/ (?:u8)?"((?:[^"\\]|\\.)*)"', source):
        yield name, json.loads('"' + text.replace("\\'", "'") + '"')


def templates(oracle):
    """{name: source} of every template in the packages."""
    found = {}
    for name, version, sha256 in PACKAGES:
        folder = oracle.pypi(name, version, sha256)
        for path in sorted(folder.rglob("*.jinja")):
            found[f"{name}/{path.stem}"] = path.read_text()
        for path in folder.rglob("tests/test-chat-template.cpp"):
            found.update((f"llama.cpp/{name}", text) for name, text in c_strings(path.read_text()))
    found.update((f"ours/{path.stem}", path.read_text()) for path in sorted((oracle.root / "tests/golden/templates").glob("*.jinja")))
    return found


def theirs(template, messages, tools, variables):
    """The text and character spans that transformers gives, or the error."""
    try:
        texts, spans = chat_template_utils.render_jinja_template(
            [messages], tools=tools, chat_template=template, return_assistant_tokens_mask="generation" in template, **variables)
        return texts[0], [list(span) for span in spans[0]] if spans else []
    except Exception as error:  # whatever Jinja or Python raise is a refusal
        return error, None


class Renderer:
    """Our engine: a process that answers one line with one line."""

    def __init__(self, program):
        self.process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def render(self, template, variables=None, record=None):
        request = {"template": template, "variables": variables} if record is None else \
            {"template": template, "tokens": SPECIAL, "record": record}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def around(wanted, got):
    """Where two texts part."""
    at = next((i for i, (a, b) in enumerate(zip(wanted, got)) if a != b), min(len(wanted), len(got)))
    return f"at {at}: ours {got[max(at - 40, 0):at + 60]!r} theirs {wanted[max(at - 40, 0):at + 60]!r}"


def compare(oracle, renderer, name, template, conversation):
    messages, tools, variables = conversation
    text, spans = theirs(template, messages, tools, variables)
    ours = renderer.render(template, {"messages": messages, "tools": tools, "documents": None, **variables})
    where = f"{name} {json.dumps(messages)[:200]}"
    if isinstance(text, Exception):
        oracle.check("text" not in ours, lambda: f"{where}: theirs refuses ({text}), ours renders")
        return
    if oracle.check("text" in ours, lambda: f"{where}: ours refuses: {ours['error']}"):
        oracle.check(ours["text"] == text, lambda: f"{where}: {around(text, ours['text'])}")
        if spans and not ours["captured"]:
            characters = [[len(text.encode()[:at].decode()) for at in span] for span in ours["generations"]]
            oracle.equal(characters, spans, f"{where}: generation spans")


def masked_chats():
    """Chats whose every text is told from the others by a word of its own."""
    plain = [conversations.user("alpha?"), conversations.assistant("bravo."), conversations.user("charlie?"),
             conversations.assistant("delta."), conversations.user("echo?"), conversations.assistant("foxtrot.")]
    yield plain
    yield plain[:2]
    yield [conversations.system("golf"), *plain[:4]]
    yield [*plain[:2], plain[2], conversations.assistant("delta.", weight=0), *plain[4:]]


def compare_masks(oracle, renderer, name, template):
    """What is trained of chats without tools: each answer of weight 1 and nothing of the others, each from where the prompt
    ends that transformers gives for it."""
    for messages in masked_chats():
        ours = renderer.render(template, record={"messages": messages})
        if "text" not in ours or ours["notes"]:
            continue  # refused, or mended into another conversation
        where = f"{name} mask of {json.dumps(messages)[:120]}"
        text = ours["text"].encode()
        trained = [text[begin:end].decode() for begin, end in ours["trained"]]
        answers = [message["content"] for message in messages if message["role"] == "assistant" and message.get("weight", 1)]
        oracle.check(len(trained) == len(answers) and all(answer in part for answer, part in zip(answers, trained)),
                     lambda: f"{where}: {trained!r} for {answers!r}")
        others = [message["content"] for message in messages if message["content"] not in answers]
        oracle.check(not any(other in part for other in others for part in trained), lambda: f"{where}: {trained!r} has others")
        begins = [begin for begin, _ in ours["trained"]]
        for number, message in enumerate(messages):
            if message["content"] in answers:
                plain = [{key: value for key, value in one.items() if key != "weight"} for one in messages[:number]]
                given, _ = theirs(template, plain, None, {**SPECIAL, "add_generation_prompt": True})
                if isinstance(given, str) and text.startswith(given.encode()) and "generation %" not in template:
                    oracle.check(len(given.encode()) in begins, lambda: f"{where}: {begins} has not {len(given.encode())}")


def run(oracle):
    chat_template_utils.datetime = FixedDate
    found = templates(oracle)
    for family, part in FAMILIES.items():
        oracle.check(any(part in name for name in found), f"no template of {family} in the packages")
    shapes = [(messages, tools, {**SPECIAL, "add_generation_prompt": prompt, **more})
              for messages, tools, more in conversations.everything() for prompt in (False, True)]
    if oracle.quick:
        shapes = shapes[::5]
    renderer = Renderer(oracle.program("oracle_render"))
    for name, template in found.items():
        for shape in shapes:
            compare(oracle, renderer, name, template, shape)
        compare_masks(oracle, renderer, name, template)
    renderer.close()
    oracle.say(f"{len(found)} templates ({', '.join(FAMILIES)} among them), {len(shapes)} conversations each")
