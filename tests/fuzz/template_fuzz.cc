// A chat template from elsewhere, over a conversation.
#include "pipelines/text/jinja/jinja.h"
#include "pipelines/text/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace {

const nlohmann::ordered_json& variables() {
  static const auto kVariables = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "héllo \u2028 <|x|>"},
      {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": [1, 2.5, true]}}}]},
      {"role": "tool", "content": "3"}, {"role": "assistant", "content": "<think>a</think>b", "weight": 0}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"items": 1, "n": null}}}],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true, "number": 7, "xs": [3, 1, 2],
    "text": "Hello, World", "empty": "", "spaced": "  a b\t c \n", "words": "one two  three", "lines": "a\nb\r\nc\n\nd",
    "unicode": "Stra\u00dfe \u0149 \u01c5 \u0391\u03a3 \u03a3\u0391\u03a3. \u65e5\u672c\u8a9e \u00e9 e\u0301 \ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67 \u00a0\u2028",
    "quoted": "it's \"q\" \\ \n\t\u0007 \u00e9 \u200b \ue000", "zero": 0, "one": 1, "minus": -7, "big": 9007199254740993,
    "real": 2.5, "tiny": 1e-07, "huge": 1e+16, "whole": 3.0, "yes": true, "no": false, "nothing": null,
    "numbers": [3, 1, 2], "mixed": [1, "a", null, true, 2.5, [1], {"k": 1}], "names": ["b", "A", "c",
    "B"], "none_list": [], "nested": [[1, 2], [3]], "map": {"b": 1, "a": {"x": [1, {"y": "z"}]}, "items": "own",
    "C": null}, "empty_map": {}, "large": {"k0": 0, "k1": 1, "k2": 2, "k3": 3, "k4": 4, "k5": 5, "k6": 6,
    "k7": 7, "k8": 8, "k9": 9, "k10": 10, "k11": 11, "k12": 12, "k13": 13}, "people": [{"name": "Ann",
    "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25}, {"name": "Cem", "age": 30, "tags": []}],
    "html": "<a href='x'>&\"</a>", "path": "a/b c?d=\u00e9&e", "sep": ", ", "deep": {"list": [{"v": 1},
    {"v": 2}]}})");
  return kVariables;
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  namespace jinja = text::jinja;
  const auto parsed = jinja::Template::parse(bytes, "t");
  if (!parsed) {
    LUTHIER_CHECK(parsed.error().message.starts_with("t:"));
    return;
  }
  const jinja::Limits limits{
      .steps_max = 100'000, .memory_bytes_max = std::size_t{8} << 20U, .output_bytes_max = std::size_t{1} << 20U};
  const auto rendered = parsed->render(variables(), std::tm{.tm_mday = 1, .tm_year = 126}, limits);
  if (!rendered) {
    LUTHIER_CHECK(rendered.error().message.starts_with("t:"));
    return;
  }
  LUTHIER_CHECK(!text::find_invalid_utf8(rendered->text));
  for (const jinja::Generation& generation : rendered->generations) {
    LUTHIER_CHECK(generation.begin <= generation.end && generation.end <= rendered->text.size());
  }
}
