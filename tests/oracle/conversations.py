"""Conversations for tests/oracle/templates.py: every shape that training data takes, and what templates refuse."""

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Current weather in a city, e.g. \"Köln\" <now>",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Name of the city"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "array", "items": {"type": "integer"}, "description": "Days ahead"}},
        "required": ["city"]}}}
ADD = {"type": "function", "function": {
    "name": "add", "description": "Adds two numbers",
    "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
                   "required": ["a", "b"]}}}
NESTED = {"type": "function", "function": {
    "name": "book", "description": "Books a trip", "strict": True,
    "parameters": {"type": "object", "additionalProperties": False, "properties": {
        "traveller": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": ["integer", "null"]}},
                      "required": ["name"]},
        "legs": {"type": "array", "items": {"type": "object", "properties": {"to": {"type": "string"}}}},
        "price": {"type": "number", "default": 9.5}}}}}


def system(text):
    return {"role": "system", "content": text}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def call(name, arguments, identifier="call00001"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(text, identifier="call00001", **more):
    return {"role": "tool", "content": text, "tool_call_id": identifier, **more}


def plain():
    yield [user("Hello")]
    yield [user("Hello"), assistant("Hi there!")]
    yield [system("You are terse."), user("Hello"), assistant("Hi.")]
    yield [system("You are terse."), user("1+1?"), assistant("2"), user("2+2?"), assistant("4")]
    yield [user("a"), assistant("b"), user("c"), assistant("d"), user("e"), assistant("f"), user("g")]
    yield [system("  spaced  "), user("\n\ttabs and spaces \n"), assistant("  kept?  \n")]
    yield [user("日本語で答えて"), assistant("はい。「引用」も。")]
    yield [user("مرحبا"), assistant("नमस्ते 👩‍👩‍👧 e\u0301")]
    yield [system("S"), user("quotes ' and \" and \\ and \\n"), assistant("<b>&amp;</b> {{ not }} {% a tag %} {# nor this #}")]
    yield [user(""), assistant("")]
    yield [system(""), user("empty system"), assistant("ok")]
    yield [user("code:\n```python\nif x:\n    print('y')\n```"), assistant("```\nok\n```\n")]
    yield [user("x" * 3000), assistant("y" * 500)]
    yield [user("line\r\nend"), assistant("\u2028\u00a0nbsp\u00a0")]
    yield [user("name me", ) | {"name": "Ann"}, assistant("You are Ann.", name="bot")]
    yield [system("You are terse."), user("only a question")]
    yield [user("weights"), assistant("bad", weight=0), user("again"), assistant("good", weight=1)]


def thinking():
    yield [user("2+2?"), assistant("<think>\nTwo and two.\n</think>\n\n4")]
    yield [user("2+2?"), assistant("<think>\nTwo and two.\n</think>\n\n4"), user("3+3?"), assistant("<think>six</think>6")]
    yield [user("2+2?"), assistant("4", reasoning_content="Two and two.")]
    yield [system("s"), user("2+2?"), assistant("4", reasoning_content="Two and two."), user("and 3?"), assistant("7", reasoning_content="\nmore\n")]
    yield [user("2+2?"), assistant("4", thinking="Two and two."), user("ok")]
    yield [user("no close"), assistant("<think>never closed")]
    yield [user("</think> in a question"), assistant("a</think>b</think>c")]


def tools():
    weather = call("get_weather", {"city": "Köln", "days": [1, 2], "unit": "celsius"})
    yield [user("Weather?")], [WEATHER]
    yield [system("Use tools."), user("Weather?")], [WEATHER, ADD]
    yield [user("Weather?"), assistant("", tool_calls=[weather])], [WEATHER]
    yield [user("Weather?"), assistant(None, tool_calls=[weather])], [WEATHER]
    yield [user("Weather?"), {"role": "assistant", "tool_calls": [weather]}], [WEATHER]
    yield [user("Weather?"), assistant("", tool_calls=[weather]), tool("{\"c\": 21.5}")], [WEATHER]
    yield [user("Weather?"), assistant("", tool_calls=[weather]), tool("21 °C"), assistant("It is 21 °C.")], [WEATHER]
    yield [system("S"), user("Weather?"), assistant("Let me look.", tool_calls=[weather]), tool("21 °C"),
           assistant("It is 21 °C."), user("Thanks"), assistant("Welcome")], [WEATHER, ADD]
    yield [user("Both"), assistant("", tool_calls=[weather, call("add", {"a": 1, "b": 2.5}, "call00002")]),
           tool("21"), tool("3.5", "call00002"), assistant("21 and 3.5")], [WEATHER, ADD]
    yield [user("Book"), assistant("", tool_calls=[call("book", {"traveller": {"name": "Ä", "age": None}, "legs": [{"to": "X"}, {}],
           "price": 1e16, "flag": True, "low": -0.0, "tiny": 1e-7})]), tool("booked", name="book"), assistant("done")], [NESTED]
    yield [user("Weather?"), assistant("", tool_calls=[call("get_weather", "{\"city\": \"Rome\"}")]), tool("9")], [WEATHER]
    yield [user("Weather?"), assistant("", tool_calls=[call("get_weather", {})]), tool("9", name="get_weather")], [WEATHER]
    yield [user("Weather?"), assistant("", tool_calls=[call("f", {"q": "a \"b\" \\ \n </tool_call> ü 😀"})]), tool("r")], [WEATHER]
    yield [user("a"), assistant("", tool_calls=[call("add", {"a": 1, "b": 2})]), tool("3"),
           assistant("", tool_calls=[call("add", {"a": 3, "b": 4}, "call00003")]), tool("7", "call00003"), assistant("7")], [ADD]
    yield [user("no tools given"), assistant("", tool_calls=[weather]), tool("9"), assistant("9")], None
    yield [user("Think"), assistant("", reasoning_content="I should call.", tool_calls=[weather]), tool("9"),
           assistant("9!", reasoning_content="Now I know.")], [WEATHER]
    yield [user("empty calls"), assistant("none", tool_calls=[])], [WEATHER]
    yield [user("Weather?"), {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "arguments": {"city": "B"}}]},
           tool("ok")], [WEATHER]


def odd():
    yield [user("one"), user("two"), assistant("three")]
    yield [assistant("I begin"), user("ok")]
    yield [user("a"), system("late system"), assistant("b")]
    yield [{"role": "developer", "content": "Be kind."}, user("a"), assistant("b")]
    yield [user("a"), assistant("b"), assistant("c")]
    yield [system("only a system prompt")]
    yield [tool("orphan")]
    yield [user([{"type": "text", "text": "part one"}, {"type": "text", "text": " part two"}]), assistant("b")]
    yield [user([{"type": "text", "text": "What is this?"}, {"type": "image"}]), assistant("A cat.")]
    yield [system([{"type": "text", "text": "parts"}]), user([{"type": "text", "text": "a"}]), assistant([{"type": "text", "text": "b"}])]
    yield [{"role": "user"}, assistant("no content")]
    yield [user(None), assistant("b")]
    yield [{"role": "ipython", "content": "print"}, assistant("b")]
    yield [{"role": "function", "name": "f", "content": "3"}, assistant("b")]
    yield [user(5), assistant(True)]
    yield []


def everything():
    """(messages, tools, more variables), at least 40 shapes."""
    for messages in [*plain(), *thinking(), *odd()]:
        yield messages, None, {}
    for messages, given in tools():
        yield messages, given, {}
    for messages in thinking():
        yield messages, None, {"enable_thinking": False}
    for messages, given in tools():
        yield messages, given, {"tools_in_user_message": False, "date_string": "26 Jul 2024"}
    yield [user("day?")], None, {"date_string": "1 Jan 2026"}
    yield [user("custom")], None, {"custom_tools": [ADD], "builtin_tools": ["brave_search", "code_interpreter"]}
