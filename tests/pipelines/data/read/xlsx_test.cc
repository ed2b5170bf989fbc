#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <minizip/zip.h>
#include <unistd.h>

#include <fstream>

#include "tests/pipelines/data/read/read_all.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data::read {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string zip(const Entries& entries) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "f.zip";
  zipFile file = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  for (const auto& [name, content] : entries) {
    EXPECT_EQ(zipOpenNewFileInZip64(file, name.c_str(), nullptr, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED, 9, 0), 0);
    EXPECT_EQ(zipWriteInFileInZip(file, content.data(), static_cast<unsigned>(content.size())), 0);
    zipCloseFileInZip(file);
  }
  zipClose(file, nullptr);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Entries workbook(const std::string& rows, const std::string& shared = "", const std::string& more_sheets = "") {
  return {
      {"xl/workbook.xml", R"(<workbook xmlns:r="x"><sheets><sheet name="Data" sheetId="1" r:id="rId7"/>)" +
                              more_sheets + "</sheets></workbook>"},
      {"xl/_rels/workbook.xml.rels",
       R"(<Relationships><Relationship Id="rId7" Target="worksheets/sheet3.xml"/></Relationships>)"},
      {"xl/sharedStrings.xml", "<sst>" + shared + "</sst>"},
      {"xl/worksheets/sheet3.xml", "<worksheet><sheetData>" + rows + "</sheetData></worksheet>"},
  };
}

constexpr const char* kHeader =
    R"(<row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c><c r="B1" t="inlineStr"><is><t>completion</t></is></c></row>)";

TEST(Xlsx, ReadsTheFirstSheetAsWritten) {
  const std::string rows =
      std::string(kHeader) +
      R"(<row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2" t="s"><v>0</v></c></row>)"
      R"(<row r="4"><c r="B4"><v>0.25</v></c></row>)"
      R"(<row r="5"><c r="A5" t="b"><v>1</v></c><c r="B5" t="str"><f>A1&amp;""</f><v>a_x000D_b &lt;&#x1F642;</v></c></row>)"
      R"(<row r="6"><c r="A6"/><c r="B6"/></row>)"
      R"(<row><c t="inlineStr"><is><r><t>c</t></r><r><t xml:space="preserve"> d</t></r></is></c></row>)";
  const ReadAll all =
      read_all(zip(workbook(rows, "<si><t>zero</t></si><si><r><t>o</t></r><r><t>ne</t></r><rPh><t>no</t></rPh></si>")),
               FileFormat::kXlsx);
  EXPECT_EQ(all.error, "");
  EXPECT_THAT(all.records, ElementsAre("2:1 {\"prompt\":\"one\",\"completion\":\"zero\"}",
                                       "4:1 {\"prompt\":\"\",\"completion\":\"0.25\"}",
                                       "5:1 {\"prompt\":\"TRUE\",\"completion\":\"a\\rb <🙂\"}",
                                       "7:1 {\"prompt\":\"c d\",\"completion\":\"\"}"));
  EXPECT_THAT(all.problems, ElementsAre());
}

TEST(Xlsx, WarnsOfOtherSheetsAndOfCellsBesideTheTable) {
  const ReadAll all = read_all(zip(workbook(std::string(kHeader) + R"(<row r="2"><c r="D2"><v>1</v></c></row>)", "",
                                            R"(<sheet name="Old" r:id="rId8"/><sheet name="Notes" r:id="rId9"/>)")),
                               FileFormat::kXlsx);
  EXPECT_THAT(all.problems,
              ElementsAre(HasSubstr("f:2: the row has 4 fields, the header has 2"),
                          HasSubstr("only the first sheet, Data, was read; not read: Old, Notes [other_sheets]")));
}

TEST(Xlsx, RefusesWhatIsNoSpreadsheet) {
  EXPECT_THAT(read_all("no zip", FileFormat::kXlsx).error, HasSubstr("this is no .xlsx file"));
  EXPECT_THAT(read_all("", FileFormat::kXlsx).error, HasSubstr("this is no .xlsx file"));
  EXPECT_THAT(read_all(zip({{"a.txt", "b"}}), FileFormat::kXlsx).error, HasSubstr("has no xl/workbook.xml"));
  const std::string whole = zip(workbook(kHeader));
  EXPECT_NE(read_all(whole.substr(0, whole.size() - 30), FileFormat::kXlsx).error, "");
  EXPECT_THAT(read_all(zip(workbook("<row><c>")), FileFormat::kXlsx).error,
              HasSubstr("the first sheet: mismatched tag"));
  EXPECT_THAT(read_all(zip(workbook("")), FileFormat::kXlsx).problems,
              ElementsAre(HasSubstr("the sheet is empty; its first row must name the columns")));
}

TEST(Xlsx, IsBoundedAgainstExpansion) {
  Entries entity = workbook(kHeader);
  entity[3].second = "<!DOCTYPE a [<!ENTITY b \"c\">]>" + entity[3].second;
  EXPECT_THAT(read_all(zip(entity), FileFormat::kXlsx).error, HasSubstr("document type, which no spreadsheet needs"));

  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "<a>";
  }
  EXPECT_THAT(read_all(zip(workbook(deep)), FileFormat::kXlsx).error, HasSubstr("nested too deeply"));

  const std::string bomb(std::size_t{80} << 20, ' ');
  EXPECT_THAT(read_all(zip(workbook(bomb)), FileFormat::kXlsx).error, HasSubstr("expands to more than"));

  EXPECT_THAT(
      read_all(zip(workbook(std::string(kHeader) + R"(<row r="2"><c r="ZZZZ2"><v>1</v></c></row>)")), FileFormat::kXlsx)
          .error,
      HasSubstr("more than 10000 columns"));
  // Short cells that all name one long text.
  const std::string shared = "<si><t>" + std::string(300'000, 'x') + "</t></si>";
  EXPECT_THAT(read_all(zip(workbook(std::string(kHeader) + R"(<row r="2"><c r="A2" t="s"><v>0</v></c></row>)", shared)),
                       FileFormat::kXlsx)
                  .error,
              HasSubstr("more text than a spreadsheet can hold"));
}

TEST(Xlsx, IsReadFromDiskAlike) {
  const TemporaryFolder folder;
  const auto path =
      folder.write("f.xlsx", zip(workbook(std::string(kHeader) + R"(<row r="2"><c r="A2"><v>1</v></c></row>)")));
  auto reader = open_reader(path, {});
  ASSERT_TRUE(reader) << reader.error().message;
  Batch batch;
  ASSERT_TRUE(*(*reader)->next(batch));
  ASSERT_EQ(batch.records.size(), 1U);
  EXPECT_EQ(batch.text_of(batch.records[0]), R"({"prompt":"1","completion":""})");
  EXPECT_FALSE(*(*reader)->next(batch));
  EXPECT_THAT((*reader)->columns(), ElementsAre("prompt", "completion"));
}

}  // namespace
}  // namespace luthier::data::read
