// What happens to messy data: each remedy alone, then together.
#include "pipelines/data/prepare.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "pipelines/text/tokenizer.h"
#include "tests/pipelines/data/records_of.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const Prepared& prepared) {  // of its training part
  Pairs pairs;
  for (const Record& record : records_of(prepared, prepared.train)) {
    pairs.emplace_back(record.prompt, record.completion);
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::map<std::string, std::int64_t> remedies_of(const Report& report) {
  std::map<std::string, std::int64_t> counts;
  for (const Remedy& remedy : report.remedies()) {
    counts[remedy.code] = remedy.rows;
  }
  return counts;
}

TEST(Prepare, AppliesEachRemedyAndReportsIt) {
  const struct {
    const char* name;
    const char* text;
    Task task;
    Pairs train;
    std::map<std::string, std::int64_t> remedies;
  } cases[] = {
      {"clean",
       "prompt,completion\na,x\nb,y\n",
       Task::kClassification,
       {{"a ->", " x"}, {"b ->", " y"}},
       {{"separator_added", 2}, {"completion_space", 2}}},
      {"columns",
       "Text,id,lable\na,1,x\nb,2,y\n",
       Task::kClassification,
       {{"a ->", " x"}, {"b ->", " y"}},
       {{"column_renamed", 2}, {"extra_columns", 1}, {"separator_added", 2}, {"completion_space", 2}}},
      {"blank and malformed rows",
       "prompt,completion\n\n , \na,x\nb\nc,y,z\nd,y\n",
       Task::kClassification,
       {{"a ->", " x"}, {"d ->", " y"}},
       {{"blank_rows", 2}, {"malformed_rows", 2}, {"separator_added", 2}, {"completion_space", 2}}},
      {"missing label, missing prompt",
       "prompt,completion\na,\nb, \n,x\nc,x\nd,x\n",
       Task::kClassification,
       {{"c ->", " x"}, {"d ->", " x"}},
       {{"missing_completion", 2},
        {"missing_prompt", 1},
        {"whitespace_trimmed", 1},
        {"separator_added", 2},
        {"completion_space", 2}}},
      {"white space and duplicates",
       "prompt,completion\n a b ,x\na  b,x\na b,x \nc,x\n",
       Task::kClassification,
       {{"a b ->", " x"}, {"c ->", " x"}},
       {{"whitespace_trimmed", 2}, {"duplicate_rows", 2}, {"separator_added", 2}, {"completion_space", 2}}},
      {"label variants",
       "prompt,completion\na,Dog\nb,dog\nc,dog\nd,DOG \n",
       Task::kClassification,
       {{"a ->", " dog"}, {"b ->", " dog"}, {"c ->", " dog"}, {"d ->", " dog"}},
       {{"label_united", 2}, {"whitespace_trimmed", 1}, {"separator_added", 4}, {"completion_space", 4}}},
      {"conflicts",
       "prompt,completion\na,x\na,y\na,x\nb,y\n",
       Task::kClassification,
       {{"b ->", " y"}},
       {{"duplicate_rows", 1}, {"conflicting_labels", 2}, {"separator_added", 1}, {"completion_space", 1}}},
      {"prompt of several lines",
       "prompt,completion\n\"a\nb\",x\nc,y\n",
       Task::kClassification,
       {{"a\nb\n\n###\n\n", " x"}, {"c\n\n###\n\n", " y"}},
       {{"separator_added", 2}, {"completion_space", 2}}},
      {"the same separator inside a prompt",
       "prompt,completion\n\"a\n\n###\n\nb\n\n###\n\n\",x\n\"c\n\n###\n\n\",y\n",
       Task::kClassification,
       {{"ab\n\n###\n\n", " x"}, {"c\n\n###\n\n", " y"}},
       {{"separator_inside", 1}, {"completion_space", 2}}},
      {"separator inside a prompt",
       "prompt,completion\na -> b,x\nc,x\n",
       Task::kClassification,
       {{"a -> b\n\n###\n\n", " x"}, {"c\n\n###\n\n", " x"}},
       {{"separator_added", 2}, {"completion_space", 2}}},
      {"separator there already",
       "prompt,completion\n\"a\n\n###\n\n\", x\n\"b\n\n###\n\n\", y\n",
       Task::kClassification,
       {{"a\n\n###\n\n", " x"}, {"b\n\n###\n\n", " y"}},
       {}},
      {"generation keeps case and prompts with several answers",
       "prompt,completion\na,One\na,one\nb,Two  words\nb,Two words\na,One\n",
       Task::kGeneration,
       {{"a ->", " One\n"}, {"a ->", " one\n"}, {"b ->", " Two  words\n"}, {"b ->", " Two words\n"}},
       {{"duplicate_rows", 1}, {"separator_added", 4}, {"ending_added", 4}, {"completion_space", 4}}},
      {"generation that was prepared stays",
       "prompt,completion\na ->,\" One\n\"\nb ->,\" Two\n\"\n",
       Task::kGeneration,
       {{"a ->", " One\n"}, {"b ->", " Two\n"}},
       {}},
  };
  for (const auto& test_case : cases) {
    const TemporaryFolder folder;
    Settings settings;
    settings.source = folder.write("f.csv", test_case.text);
    settings.task = test_case.task;
    const auto prepared = analyze(settings);
    ASSERT_TRUE(prepared) << test_case.name << ": " << prepared.error().message;
    EXPECT_EQ(pairs_of(*prepared), test_case.train) << test_case.name;
    EXPECT_EQ(remedies_of(prepared->report), test_case.remedies) << test_case.name;
    EXPECT_EQ(prepared->report.rows.read, prepared->report.rows.kept + prepared->report.dropped()) << test_case.name;
  }
}

TEST(Prepare, ReportsTheRowsByTheirLines) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.path();
  settings.task = Task::kClassification;
  folder.write("a.csv", "prompt,completion\n\"one\nline\",x\n,\ntwo,x\n");
  folder.write("b.csv", "text,label\ntwo,X\nthree,\n");
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  const Json report = prepared->report.to_json();
  std::map<std::string, Json> first;
  for (const Json& remedy : report["remedies"]) {
    first[remedy["code"]] = remedy["first"][0];
  }
  EXPECT_EQ(first["blank_rows"], Json::parse(R"({"file":"a.csv","line":4,"detail":"blank"})"));
  EXPECT_EQ(first["duplicate_rows"], Json::parse(R"({"file":"b.csv","line":2,"detail":"same as a.csv:5: two | x"})"));
  EXPECT_EQ(first["missing_completion"], Json::parse(R"({"file":"b.csv","line":3,"detail":"three"})"));
  EXPECT_EQ(report["rows"], Json::parse(R"({"read":5,"kept":2,"dropped":3,"train":2,"validation":0,"test":0})"));
  const std::string page = prepared->report.to_markdown();
  EXPECT_NE(page.find("### duplicate_rows: 1"), std::string::npos);
  EXPECT_NE(page.find("- b.csv:2: same as a.csv:5: two \\| x"), std::string::npos) << page;
}

TEST(Prepare, KeepsToTheLabelsAskedFor) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.csv", "prompt,completion\na,cat\nb,dog\nc,bird\nd,DOG\n");
  settings.labels = {"Cat", "Dog"};
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->labels, (std::vector<std::string>{"Cat", "Dog"}));
  EXPECT_EQ(pairs_of(*prepared), (Pairs{{"a ->", " Cat"}, {"b ->", " Dog"}, {"d ->", " Dog"}}));
  EXPECT_EQ(prepared->report.rows_of("unknown_label"), 1);
  EXPECT_EQ(prepared->report.rows_of("label_united"), 3);
}

TEST(Prepare, InfersTheTaskAsTheLegacyToolDoes) {
  const struct {
    const char* file;
    const char* text;
    Task task;
  } cases[] = {
      {"f.csv", "prompt,completion\na,x\nb,x\nc,y\nd,y\ne,x\nf,y\ng,x\n", Task::kClassification},  // 2 < 7 / 3
      {"f.csv", "prompt,completion\na,x\nb,x\nc,y\nd,y\ne,x\nf,y\n", Task::kGeneration},           // 2 = 6 / 3
      {"f.jsonl", "{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"prompt\":\"c\",\"completion\":\"d\"}\n",
       Task::kGeneration},
      {"f.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n", Task::kText},
      {"f.txt", "a\n\nb\n", Task::kText},
  };
  for (const auto& test_case : cases) {
    const TemporaryFolder folder;
    Settings settings;
    settings.source = folder.write(test_case.file, test_case.text);
    const auto prepared = analyze(settings);
    ASSERT_TRUE(prepared) << prepared.error().message;
    EXPECT_EQ(prepared->task, test_case.task) << test_case.text;
  }
}

TEST(Prepare, SaysInOneSentenceWhyThereIsNothingToTrainOn) {
  const struct {
    const char* file;
    const char* text;
    const char* message;
  } cases[] = {
      {"f.csv", "prompt,completion\n",
       "f.csv:1: no usable rows: 0 read, all dropped; check that the file has prompts with labels under its header"},
      {"f.csv", "prompt,completion\na,\n,\n",
       "f.csv:1: no usable rows: 2 read, all dropped (blank_rows 1, missing_completion 1); check that the file has "
       "prompts with labels under its header"},
      {"f.csv", "text,when\na,b\n",
       "f.csv:1: no column of labels or completions found; name it: columns: {completion: …}, or --completion-column; "
       "the columns are: "
       "\"text\", \"when\""},
      {"f.csv", "prompt,completion\na,x\n a,y\n",
       "f.csv: all prompts are the same (\"a\"): leave them empty if the model shall write freely, otherwise make them "
       "differ"},
      {"f.csv", "prompt,completion\na,x\nb,x\n",
       "f.csv: all completions are the same (\"x\"): the model would learn to say nothing else; add rows with other "
       "completions"},
      {"f.jsonl", "{\"prompt\":[1],\"completion\":\"x\"}\n",
       "f.jsonl:1: \"prompt\" holds a list or an object; it must be text or a number"},
      {"f.txt", "\xff\xfe",
       "f.txt:1:1: this is UTF-16, and UTF-8 is needed; save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 f.txt"},
  };
  for (const auto& test_case : cases) {
    const TemporaryFolder folder;
    Settings settings;
    settings.source = folder.write(test_case.file, test_case.text);
    const auto prepared = analyze(settings);
    ASSERT_FALSE(prepared) << test_case.text;
    EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(prepared.error().message, test_case.message);
  }
}

TEST(Prepare, RefusesToMixTextWithPrompts) {
  const TemporaryFolder folder;
  folder.write("a.csv", "prompt,completion\na,b\n");
  folder.write("b.txt", "story\n");
  Settings settings;
  settings.source = folder.path();
  const auto prepared = analyze(settings);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().message.find("b.txt: prompts and completions cannot be mixed"), std::string::npos);
}

TEST(Prepare, PreparesTextAndTrainsATokenizer) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write(
      "in/f.txt", "One day.\nIt rained.\n\nOne day.\nIt rained.\n\n  Another day.\n\nA third day, and it rained.\n");
  settings.split = {.validation = 0.3, .seed = 1};
  settings.tokenizer_vocab_size = 270;
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->report.rows_of("duplicate_rows"), 1);
  EXPECT_EQ(prepared->report.rows_of("whitespace_trimmed"), 1);
  EXPECT_EQ(prepared->train.size(), 2u);
  EXPECT_EQ(prepared->validation.size(), 1u);
  ASSERT_TRUE(write_prepared(*prepared, folder.path() / "out"));
  const auto tokenizer = text::Tokenizer::load(folder.path() / "out/tokenizer");
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->eos(), tokenizer->token_to_id("<|endoftext|>"));
  const auto lines = read_file(folder.path() / "out/validation/data.jsonl");
  ASSERT_TRUE(lines);
  EXPECT_TRUE(Json::parse(*lines).at("text").is_string());
  const Json outputs = outputs_of(*prepared, "out");
  EXPECT_FALSE(outputs.contains("test"));
  EXPECT_FALSE(outputs.contains("labels"));
  EXPECT_EQ(outputs["tokenizer"], (Json{{"$path", "out/tokenizer"}, {"kind", "tokenizer"}}));
}

TEST(Prepare, ATokenizerIsForTextOnly) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.csv", "prompt,completion\na,b\n");
  settings.tokenizer_vocab_size = 300;
  EXPECT_FALSE(analyze(settings));
}

TEST(Prepare, PreparingTwiceGivesTheSame) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = std::filesystem::path(LUTHIER_SOURCE_DIR) / "pipelines/examples/data/sports.csv";
  settings.split = {.validation = 0.1, .test = 0.1, .seed = 7};
  const auto first = analyze(settings);
  const auto again = analyze(settings);
  ASSERT_TRUE(first && again);
  ASSERT_TRUE(write_prepared(*first, folder.path() / "first"));
  ASSERT_TRUE(write_prepared(*again, folder.path() / "again"));
  for (const char* file : {"train/data.jsonl", "validation/data.jsonl", "test/data.jsonl", "train/dataset.json",
                           "report/report.json", "report/report.md"}) {
    EXPECT_EQ(*read_file(folder.path() / "first" / file), *read_file(folder.path() / "again" / file)) << file;
  }
}

// What memory does not hold lies on disk, in temporary files, and nothing else changes.
TEST(Prepare, LittleMemoryAndManyThreadsGiveTheSame) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = std::filesystem::path(LUTHIER_SOURCE_DIR) / "pipelines/examples/data/sports.csv";
  settings.split = {.validation = 0.1, .test = 0.1, .seed = 7};
  settings.threads = 1;
  const auto ample = analyze(settings);
  settings.memory_bytes = 1'024;
  settings.threads = 3;
  settings.temporary_folder = folder.path();
  const auto little = analyze(settings);
  ASSERT_TRUE(ample && little);
  ASSERT_TRUE(write_prepared(*ample, folder.path() / "ample"));
  ASSERT_TRUE(write_prepared(*little, folder.path() / "little"));
  for (const char* file : {"train/data.jsonl", "validation/data.jsonl", "test/data.jsonl", "train/dataset.json",
                           "report/report.json", "report/changes.jsonl", "report/changes.txt"}) {
    EXPECT_TRUE(*read_file(folder.path() / "ample" / file) == *read_file(folder.path() / "little" / file)) << file;
  }
}

// The rows that most repairs change are listed one by one at first, then as lines from … to.
TEST(Prepare, ListsManyRowsAsRuns) {
  const TemporaryFolder folder;
  std::string text = "prompt,completion\n";
  for (int i = 0; i < 12'000; ++i) {
    text += "question " + std::to_string(i) + ", answer " + std::to_string(i) + "\n";
  }
  Settings settings;
  settings.source = folder.write("f.csv", text + "question 3, answer 3\nlast, one\n");
  settings.decline = {"prompt_prefix", "completion_prefix", "ending_missing"};
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->report.rows_of("separator_added"), 12'001);
  ASSERT_TRUE(write_report(prepared->report, folder.path() / "report"));
  const std::string changes = *read_file(folder.path() / "report/changes.jsonl");
  std::istringstream lines(changes);
  std::int64_t listed = 0;
  std::vector<Json> runs;
  for (std::string line; std::getline(lines, line);) {
    const Json change = Json::parse(line);
    if (change["why"] == "separator_added") {
      listed += change.value("rows", 1);
      if (change.contains("rows")) {
        runs.push_back(change);
      }
    }
  }
  EXPECT_EQ(listed, 12'001);
  ASSERT_EQ(runs.size(), 1u);  // a row that was dropped ends it, and what follows is one row
  EXPECT_EQ(runs[0]["line"], 10'002);
  EXPECT_EQ(runs[0]["last_line"], 12'001);
  const std::string text_of_changes = *read_file(folder.path() / "report/changes.txt");
  EXPECT_NE(text_of_changes.find("f.csv:10002-12001: changed, separator_added: all 2000 rows, the first: question"),
            std::string::npos);
}

TEST(Prepare, ReadsEveryFormatAndCompression) {
  const TemporaryFolder folder;
  const struct {
    const char* file;
    std::string text;
  } cases[] = {
      {"f.jsonl", "\xef\xbb\xbf{\"prompt\":\"a\",\"completion\":\"x\"}\r\n{\"prompt\":\"b\",\n\"completion\":\"y\"}\n"},
      {"f.json", "[{\"prompt\":\"a\",\"completion\":\"x\"},\n{\"prompt\":\"b\",\"completion\":\"y\"}]"},
      {"f.jsonl", "[{\"prompt\":\"a\",\"completion\":\"x\"},\n{\"prompt\":\"b\",\"completion\":\"y\"}]"},
      {"f.csv", "\xef\xbb\xbfprompt,completion\r\na,x\r\nb,y\r\n"},
      {"f.tsv", "completion\tprompt\nx\ta\ny\tb"},
  };
  for (const auto& test_case : cases) {
    Settings settings;
    settings.source = folder.write(test_case.file, test_case.text);
    settings.decline = {"all"};
    const auto prepared = analyze(settings);
    ASSERT_TRUE(prepared) << test_case.text << prepared.error().message;
    EXPECT_EQ(pairs_of(*prepared), (Pairs{{"a", "x"}, {"b", "y"}})) << test_case.text;
  }
}

// Rows after a quote that never closes are lost, and who loses data silently learns from the rest.
TEST(Prepare, RefusesWhatCannotBeReadToItsEnd) {
  const struct {
    const char* file;
    const char* text;
    const char* message;
  } cases[] = {
      {"f.csv", "prompt,completion\na,x\nb,\"y\nc,z\n",
       "f.csv:3:3: this quote is never closed; close it, or double it if it is part of the text. Nothing after it was "
       "read"},
      {"f.csv", "", "f.csv:1: the file is empty; its first line must name the columns"},
      {"f.csv", "prompt,completion\na,caf\xe9\n",
       "f.csv:2: byte 4 of field 2 is not UTF-8; save the file as UTF-8, or: iconv -f WINDOWS-1252 -t UTF-8 f.csv"},
      {"f.csv", "prompt,ant\xe9\na,b\n",
       "f.csv:1: the names of columns are not UTF-8; save the file as UTF-8, or convert it from what it is, say: iconv "
       "-f WINDOWS-1252 -t UTF-8"},
  };
  const TemporaryFolder folder;
  for (const auto& test_case : cases) {
    Settings settings;
    settings.source = folder.write(test_case.file, test_case.text);
    const auto prepared = analyze(settings);
    ASSERT_FALSE(prepared) << test_case.text;
    EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(prepared.error().message, test_case.message);
  }
}

// So that serving can ask as training did.
TEST(Prepare, ADatasetSaysHowItsPromptsEnd) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.csv", "text,label\none,cat\ntwo,dog\nthree,cat\nfour,dog\n");
  settings.task = Task::kClassification;
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  ASSERT_TRUE(write_prepared(*prepared, folder.path() / "out"));
  const auto facts = read_file(folder.path() / "out/train/dataset.json");
  ASSERT_TRUE(facts);
  const Json json = Json::parse(*facts);
  EXPECT_EQ(json["task"], "classification");
  EXPECT_EQ(json["labels"], (Json{"cat", "dog"}));
  const std::string suffix = json["prompt_suffix"];
  ASSERT_FALSE(suffix.empty());
  for (const Record& record : records_of(*prepared, prepared->train)) {
    EXPECT_TRUE(record.prompt.ends_with(suffix)) << record.prompt;
    EXPECT_TRUE(record.completion.starts_with(json["completion_prefix"].get<std::string>())) << record.completion;
  }
}

// Preparing what was prepared changes no record.
TEST(Prepare, PreparedDataStaysAsItIs) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("in/f.csv", "text,label\n one ,Cat\ntwo,dog\nthree,cat\n");
  settings.task = Task::kClassification;
  const auto first = analyze(settings);
  ASSERT_TRUE(first);
  ASSERT_TRUE(write_prepared(*first, folder.path() / "out"));
  settings.source = folder.path() / "out/train";
  const auto again = analyze(settings);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(pairs_of(*again), pairs_of(*first));
  EXPECT_EQ(remedies_of(again->report), (std::map<std::string, std::int64_t>{}));
}

}  // namespace
}  // namespace luthier::data
