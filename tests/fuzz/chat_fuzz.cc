// A chat template and a conversation from elsewhere: the template, a zero byte, the record as JSON.
#include "pipelines/text/chat/chat_template.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  const std::size_t zero = bytes.find('\0');
  if (zero == std::string_view::npos) {
    return;
  }
  const auto record = text::ChatJson::parse(bytes.substr(zero + 1), nullptr, /*allow_exceptions=*/false);
  if (record.is_discarded()) {
    return;
  }
  const auto parsed = text::ChatTemplate::parse({{"default", "t", std::string(bytes.substr(0, zero))}},
                                                {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  if (!parsed) {
    LUTHIER_CHECK(parsed.error().message.starts_with("t:"));
    return;
  }
  const text::jinja::Limits limits{
      .steps_max = 100'000, .memory_bytes_max = std::size_t{8} << 20U, .output_bytes_max = std::size_t{1} << 20U};
  for (const bool prompt : {false, true}) {
    const auto chat = parsed->render(
        record, {.add_generation_prompt = prompt, .date = {.tm_mday = 1, .tm_year = 126}, .limits = limits});
    if (!chat) {
      LUTHIER_CHECK(!chat.error().message.empty());
      continue;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < chat->spans.size(); ++i) {
      LUTHIER_CHECK(chat->spans[i].begin == at && chat->spans[i].end > at);
      LUTHIER_CHECK(i == 0 || chat->spans[i].trained != chat->spans[i - 1].trained);
      at = chat->spans[i].end;
    }
    LUTHIER_CHECK(at == chat->text.size());
  }
}
