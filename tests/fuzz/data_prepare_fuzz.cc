// Preparation from bytes to lines of JSON: the first byte chooses the format, the second the settings.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/data/count/cost.h"
#include "pipelines/data/prepare.h"
#include "tests/fuzz/fuzz.h"

namespace luthier::data {
namespace {

const char* name_of_format(char kind) {
  switch (kind) {
    case 'c': return "f.csv";
    case 't': return "f.tsv";
    case 'j': return "f.json";
    case 'x': return "f.txt";
    case 's': return "f.xlsx";
    default: return "f.jsonl";
  }
}

Settings settings_of(unsigned char bits) {
  Settings settings;
  settings.clean = (bits & 1U) != 0;
  settings.turns = (bits & 2U) != 0 ? Turns::kPrompts : (bits & 4U) != 0 ? Turns::kChats : Turns::kKeep;
  settings.threads = 1;
  settings.memory_bytes = 4'096;  // so that what is kept goes to disk
  settings.separator = (bits & 8U) != 0 ? " ->" : "";
  settings.ending = (bits & 16U) != 0 ? "END" : "";
  settings.split.validation = (bits & 32U) != 0 ? 0.3 : 0;
  settings.fraction = (bits & 64U) != 0 ? 0.5 : 1;
  settings.task = (bits & 128U) != 0 ? std::optional(Task::kGeneration) : std::nullopt;
  return settings;
}

void check_lines(const Prepared& prepared, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lines.jsonl";
  auto file = OutputFile::create(path);
  LUTHIER_CHECK(file.has_value() && write_lines(prepared, prepared.train, *file) && file->commit());
  const std::string lines = *read_file(path);
  std::size_t rows = 0;
  for (std::size_t begin = 0; begin < lines.size(); ++rows) {
    const std::size_t end = lines.find('\n', begin);
    LUTHIER_CHECK(end != std::string::npos);
    LUTHIER_CHECK(nlohmann::json::parse(lines.substr(begin, end - begin)).is_object());
    begin = end + 1;
  }
  LUTHIER_CHECK(rows == prepared.train.size());
}

void prepare_bytes(const std::filesystem::path& file, const Settings& settings) {
  auto draft = read_draft(settings);
  if (!draft) {
    LUTHIER_CHECK(!draft.error().message.empty());
    return;
  }
  if (!repair(*draft, [](const Finding&) { return true; })) {
    return;
  }
  (void)advise(*draft);
  const SplitSettings split = settings.split;
  const auto prepared = conclude(std::move(*draft), split);
  if (prepared) {
    const RowCounts& rows = prepared->report.rows;
    LUTHIER_CHECK(rows.kept + prepared->report.dropped() == rows.read);
    LUTHIER_CHECK(settings.fraction < 1 || rows.train + rows.validation + rows.test == rows.kept);
    check_lines(*prepared, file.parent_path());
    LUTHIER_CHECK(!prepared->report.to_markdown().empty());
    LUTHIER_CHECK(write_report(prepared->report, file.parent_path() / "report").has_value());
  }
}

}  // namespace
}  // namespace luthier::data

void luthier::fuzz::one_input(std::string_view bytes) {
  if (bytes.size() < 2) {
    return;
  }
  if (bytes[0] == 'p') {
    (void)data::count::parse_price_table(bytes.substr(1));
    return;
  }
  static const ScratchFolder folder;
  data::Settings settings = data::settings_of(static_cast<unsigned char>(bytes[1]));
  settings.source = folder.write(data::name_of_format(bytes[0]), bytes.substr(2));
  data::prepare_bytes(settings.source, settings);
}
