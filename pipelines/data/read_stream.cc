#include "pipelines/data/read_stream.h"

#include <unordered_map>

namespace luthier::data {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 30;

read::FileFormat format_of(Format format) {
  switch (format) {
    case Format::kCsv: return read::FileFormat::kCsv;
    case Format::kTsv: return read::FileFormat::kTsv;
    case Format::kJson: return read::FileFormat::kJson;
    case Format::kJsonLines: return read::FileFormat::kJsonLines;
    case Format::kText: return read::FileFormat::kText;
    case Format::kXlsx: return read::FileFormat::kXlsx;
  }
  return read::FileFormat::kJsonLines;
}

// Members become columns in order of first appearance.
class TableMaker {
 public:
  explicit TableMaker(const SourceFile& file) {
    table_.file = file.name;
    table_.format = file.format;
  }

  void add_columns(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      (void)column_of(name);
    }
  }

  void add(const read::Example& example) {
    Row row;
    row.line = example.line;
    for (const auto& [name, value] : example.value.items()) {
      const std::size_t column = column_of(name);
      row.cells.resize(table_.columns.size());
      Cell& cell = row.cells[column];
      cell.nested = value.is_structured();
      if (value.is_string()) {
        cell.text = value.get_ref<const std::string&>();
      } else if (!value.is_null() && !cell.nested) {
        cell.text = value.dump();
      }
      bytes_ += cell.text.size() + sizeof(Cell);
    }
    table_.rows.push_back(std::move(row));
  }

  void add_problem(const read::Problem& problem) {
    Row row;
    row.line = problem.line;
    row.problem = problem.message;
    table_.rows.push_back(std::move(row));
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  Table finish() {
    for (Row& row : table_.rows) {
      row.cells.resize(table_.columns.size());
    }
    return std::move(table_);
  }

 private:
  std::size_t column_of(const std::string& name) {
    const auto [place, is_new] = columns_.emplace(name, table_.columns.size());
    if (is_new) {
      table_.columns.push_back(name);
    }
    return place->second;
  }

  Table table_;
  std::unordered_map<std::string, std::size_t> columns_;
  std::size_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<read::Reader>> open_source(const SourceFile& file) {
  read::ReadOptions options;
  options.name = file.name;
  options.format = format_of(file.format);
  return file.streamed ? read::open_reader(file.path, options)
                       : read::open_reader(read::from_memory(file.text), options);
}

Result<Table> read_stream(const SourceFile& file, std::vector<std::string>& advice) {
  LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, open_source(file));
  read::ExampleStream stream(*reader, file.name);
  TableMaker maker(file);
  bool first = true;
  while (true) {
    LUTHIER_TRY(const std::optional<read::ReadExample> next, stream.next());
    if (first) {
      maker.add_columns(reader->columns());
      first = false;
    }
    if (!next.has_value()) {
      return maker.finish();
    }
    if (!next->problem.has_value()) {
      maker.add(next->example);
    } else if (next->problem->severity == read::Severity::kError) {
      maker.add_problem(*next->problem);
    } else {
      advice.push_back(read::to_string(*next->problem));
    }
    if (maker.bytes() > kBytesMax) {
      return Error{ErrorCode::kResourceExhausted, file.name + " holds more than 1 GiB of text; split it into several"};
    }
  }
}

}  // namespace luthier::data
