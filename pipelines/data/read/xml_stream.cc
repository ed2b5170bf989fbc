#include "pipelines/data/read/xml_stream.h"

#include <expat.h>

#include "base/check.h"

namespace luthier::data::read {
namespace {

constexpr int kDepthMax = 64;

std::string_view without_prefix(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

struct XmlStream::State {
  Calls calls;
  XML_Parser parser = nullptr;
  int depth = 0;
  const char* refused = nullptr;

  void refuse(const char* why) {
    refused = why;
    ::XML_StopParser(parser, XML_FALSE);
  }
  static void on_start(void* data, const XML_Char* name, const XML_Char** attributes) {
    auto* self = static_cast<State*>(data);
    if (++self->depth > kDepthMax) {
      self->refuse("it is nested too deeply");
      return;
    }
    Attributes named;
    for (; *attributes != nullptr; attributes += 2) {
      named[without_prefix(attributes[0])] = attributes[1];
    }
    self->calls.start(without_prefix(name), named);
  }
  static void on_end(void* data, const XML_Char* name) {
    auto* self = static_cast<State*>(data);
    --self->depth;
    self->calls.end(without_prefix(name));
  }
  static void on_text(void* data, const XML_Char* text, int length) {
    static_cast<State*>(data)->calls.text({text, static_cast<std::size_t>(length)});
  }
  static void on_doctype(void* data, const XML_Char*, const XML_Char*, const XML_Char*, int) {
    static_cast<State*>(data)->refuse("it has a document type, which no spreadsheet needs");
  }
};

XmlStream::XmlStream(Calls calls) : state_(std::make_unique<State>()) {
  state_->calls = std::move(calls);
  state_->parser = ::XML_ParserCreate(nullptr);
  LUTHIER_CHECK(state_->parser != nullptr);
  ::XML_SetUserData(state_->parser, state_.get());
  ::XML_SetElementHandler(state_->parser, State::on_start, State::on_end);
  ::XML_SetCharacterDataHandler(state_->parser, State::on_text);
  ::XML_SetStartDoctypeDeclHandler(state_->parser, State::on_doctype);
}

XmlStream::~XmlStream() { ::XML_ParserFree(state_->parser); }

Result<void> XmlStream::feed(std::string_view bytes, bool is_last) {
  if (::XML_Parse(state_->parser, bytes.data(), static_cast<int>(bytes.size()), is_last ? 1 : 0) != XML_STATUS_ERROR) {
    return {};
  }
  const char* why =
      state_->refused != nullptr ? state_->refused : ::XML_ErrorString(::XML_GetErrorCode(state_->parser));
  return Error{ErrorCode::kInvalidArgument,
               std::string(why) + " (line " + std::to_string(::XML_GetCurrentLineNumber(state_->parser)) + ")"};
}

}  // namespace luthier::data::read
