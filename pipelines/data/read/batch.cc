#include <array>

#include "pipelines/data/read/formats.h"

namespace luthier::data::read {

void append_json_string(std::string& json, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  json += '"';
  std::size_t plain = 0;  // where the run of bytes that need no escape begins
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) {
      continue;
    }
    json += text.substr(plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': json += "\\\""; break;
      case '\\': json += "\\\\"; break;
      case '\n': json += "\\n"; break;
      case '\r': json += "\\r"; break;
      case '\t': json += "\\t"; break;
      case '\b': json += "\\b"; break;
      case '\f': json += "\\f"; break;
      default:
        json += "\\u00";
        json += kHex[static_cast<unsigned char>(c) >> 4];
        json += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  json += text.substr(plain);
  json += '"';
}

void begin_batch(Batch& batch, std::int64_t number, std::int64_t first_ordinal) {
  batch.number = number;
  batch.first_ordinal = first_ordinal;
  batch.bytes.clear();
  batch.records.clear();
  batch.problems.clear();
}

void end_batch(Batch& batch) { batch.bytes.append(kBatchPadding, '\0'); }

}  // namespace luthier::data::read
