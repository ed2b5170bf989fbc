// The XML inside a spreadsheet, in a whole archive: the sheet, the shared texts and the workbook, with a zero byte
// between. (data_stream fuzzes the archive, whose checksums keep changes from the XML.)
#include <zlib.h>

#include "pipelines/data/read/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/pipelines/data/read/read_all.h"

namespace reading = luthier::data::read;

namespace {

void append_number(std::string& bytes, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i, number >>= 8U) {
    bytes += static_cast<char>(number);
  }
}

// An archive of entries that are stored as they are (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
class StoredZip {
 public:
  void add(const std::string& name, std::string_view content) {
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    std::string facts;
    append_number(facts, 20, 2);  // version, then flags, method, time and date of nothing
    append_number(facts, 0, 8);
    append_number(facts, checksum, 4);
    append_number(facts, content.size(), 4);
    append_number(facts, content.size(), 4);
    append_number(facts, name.size(), 2);
    append_number(facts, 0, 2);
    directory_ += "PK\x01\x02";
    append_number(directory_, 20, 2);
    directory_ += facts;
    append_number(directory_, 0, 10);  // comment, disk, attributes
    append_number(directory_, entries_.size(), 4);
    directory_ += name;
    entries_ += "PK\x03\x04" + facts + name;
    entries_ += content;
    ++count_;
  }

  [[nodiscard]] std::string finish() const {
    std::string bytes = entries_ + directory_ + "PK\x05\x06";
    append_number(bytes, 0, 4);
    append_number(bytes, count_, 2);
    append_number(bytes, count_, 2);
    append_number(bytes, directory_.size(), 4);
    append_number(bytes, entries_.size(), 4);
    append_number(bytes, 0, 2);
    return bytes;
  }

 private:
  std::string entries_;
  std::string directory_;
  std::uint64_t count_ = 0;
};

// What stands before the next zero byte, which is taken too.
std::string_view take_part(std::string_view& bytes) {
  const std::size_t zero = std::min(bytes.find('\0'), bytes.size());
  const std::string_view part = bytes.substr(0, zero);
  bytes.remove_prefix(std::min(zero + 1, bytes.size()));
  return part;
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  StoredZip zip;
  const std::string_view sheet = take_part(bytes);
  const std::string_view texts = take_part(bytes);
  const std::string_view workbook = take_part(bytes);
  zip.add("xl/workbook.xml",
          workbook.empty() ? R"(<workbook><sheets><sheet name="A" r:id="r"/></sheets></workbook>)" : workbook);
  zip.add("xl/_rels/workbook.xml.rels",
          R"(<Relationships><Relationship Id="r" Target="worksheets/sheet1.xml"/></Relationships>)");
  if (!texts.empty()) {
    zip.add("xl/sharedStrings.xml", texts);
  }
  zip.add("xl/worksheets/sheet1.xml", sheet);
  const reading::ReadAll all = reading::read_all(zip.finish(), reading::FileFormat::kXlsx, 0, {.bytes_max = 1U << 20});
  LUTHIER_CHECK(all.error.find("no .xlsx file") == std::string::npos);  // the archive is whole
  long line = 0;
  for (const std::string& record : all.records) {
    const long at = std::stol(record);
    LUTHIER_CHECK(at >= line);
    line = at;
  }
}
