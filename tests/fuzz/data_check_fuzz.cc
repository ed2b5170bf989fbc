// The checks of records, over JSONL: any bytes give findings of declared codes. And the diagnosis of broken JSON
// against two other parsers: it complains exactly when they do.
#include <algorithm>

#include "pipelines/data/check/record_checker.h"
#include "pipelines/data/read/broken_json.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/text/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace check = luthier::data::check;
namespace reading = luthier::data::read;

namespace {

std::size_t depth_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; }));
}

void compare_diagnosis(std::string_view text) {
  // The other parser passes over a byte order mark, which in the middle of a file is a fault.
  if (luthier::text::find_invalid_utf8(text) || depth_of(text) > reading::kJsonDepthMax ||
      text.starts_with("\xef\xbb\xbf")) {
    return;
  }
  const auto json = reading::Json::parse(text, nullptr, false);
  const reading::BrokenJson broken = reading::diagnose(text, {"f", 1, 1});
  const bool whole = broken.value.has_value();
  LUTHIER_CHECK(whole == (!json.is_discarded() && json.is_object()));
  LUTHIER_CHECK(whole != broken.problem.has_value());
  if (whole) {
    LUTHIER_CHECK(*broken.value == json);
  }
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  auto reader = reading::open_reader(reading::from_memory(std::string(bytes)),
                                     {reading::FileFormat::kJsonLines, "f", {.bytes_max = 1U << 20}});
  if (!reader) {
    return;
  }
  static check::RecordChecker checker({.file = "f"});
  reading::Batch batch;
  while (true) {
    const auto more = (*reader)->next(batch);
    if (!more || !*more) {
      return;
    }
    for (const reading::RawRecord& record : batch.records) {
      compare_diagnosis(batch.text_of(record));
    }
    const check::BatchResult result = checker.check(batch);
    LUTHIER_CHECK(result.totals.examples <= result.totals.records);
    LUTHIER_CHECK(result.facts.size() == static_cast<std::size_t>(result.totals.examples));
    for (const auto& [code, finding] : result.totals.findings.by_code()) {
      LUTHIER_CHECK(check::code_named(code).name == code);
      LUTHIER_CHECK(finding.count >= static_cast<std::int64_t>(finding.first.size()));
    }
  }
}
