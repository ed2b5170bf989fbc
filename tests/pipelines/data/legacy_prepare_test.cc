// The decisions of the legacy prepare_data tool on small files, as it made them itself: tests/golden/data was written
// by
//   tests/oracle/legacy_prepare.py --golden tests/golden/data/legacy_prepare.jsonl
// and ./dev oracle holds the program against the original live, on many more.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "pipelines/data/prepare.h"
#include "tests/pipelines/data/records_of.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;

Json findings_of(const Draft& draft) {
  Json findings = Json::array();
  for (const Finding& finding : draft.findings) {
    if (finding.severity == Severity::kFatal) {
      continue;
    }
    const bool counts = finding.code == "rows" || finding.code == "missing_completion" ||
                        finding.code == "long_examples" || finding.code == "duplicate_rows";
    const std::string text = finding.code == "classification" || finding.code == "completion_space" ? "" : finding.text;
    findings.push_back(
        {finding.code, finding.severity == Severity::kRecommended, text, counts ? finding.rows : std::int64_t{0}});
  }
  return findings;
}

Json rows_of(const std::vector<Record>& records) {
  Json rows = Json::array();
  for (const Record& record : records) {
    rows.push_back({record.prompt, record.completion});
  }
  return rows;
}

std::string to_lines(const Json& rows) {
  std::string lines;
  for (const Json& row : rows) {
    lines += Json{{"prompt", row[0]}, {"completion", row[1]}}.dump() + "\n";
  }
  return lines;
}

void expect_as_original(const Json& golden, int number) {
  SCOPED_TRACE("case " + std::to_string(number));
  const TemporaryFolder folder;
  Settings settings;
  settings.clean = false;
  settings.source = folder.write("f.jsonl", to_lines(golden["rows"]));
  auto draft = read_draft(settings);
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(findings_of(*draft), golden["findings"]);
  const auto repaired = repair(*draft, [&](const Finding& finding) {
    return std::find(golden["declined"].begin(), golden["declined"].end(), finding.code) == golden["declined"].end();
  });
  ASSERT_EQ(!repaired, golden["fatal"].get<bool>());
  if (!repaired) {
    return;
  }
  EXPECT_EQ(rows_of(records_of(*draft)), golden["result"]);
  const Advice advice = advise(*draft);
  EXPECT_EQ(advice.separator, golden["separator"]);
  EXPECT_EQ(advice.ending, golden["stop"]);
}

TEST(LegacyPrepare, DecidesAsTheOriginalDid) {
  std::ifstream cases(std::string(LUTHIER_SOURCE_DIR) + "/tests/golden/data/legacy_prepare.jsonl");
  int number = 0;
  for (std::string line; std::getline(cases, line); ++number) {
    expect_as_original(Json::parse(line), number);
  }
  EXPECT_EQ(number, 80);
}

}  // namespace
}  // namespace luthier::data
