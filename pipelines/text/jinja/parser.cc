#include "pipelines/text/jinja/parser.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "pipelines/text/jinja/expression_parser.h"
#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/token_stream.h"

namespace luthier::text::jinja {
namespace {

using Kind = Statement::Kind;
using StatementPointer = std::unique_ptr<Statement>;
using Names = std::initializer_list<std::string_view>;

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, std::uint32_t& offset) : stream_(tokens, offset), expressions_(stream_) {}

  Statements run() {
    Statements statements = body({});
    if (!stream_.at(TokenKind::kEnd)) {
      fail(stream_.describe() + " has no meaning here");
    }
    return statements;
  }

 private:
  StatementPointer make(Kind kind) {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->offset = stream_.current().offset;
    return statement;
  }

  // Up to a tag named in `ends`, whose name is then the current token.
  Statements body(Names ends) {
    const Nesting nesting(depth_);
    Statements statements;
    while (!stream_.at(TokenKind::kEnd)) {
      if (stream_.at(TokenKind::kData)) {
        statements.push_back(make(Kind::kData));
        statements.back()->text = stream_.next().text;
      } else if (stream_.at(TokenKind::kPrintBegin)) {
        stream_.next();
        statements.push_back(make(Kind::kPrint));
        statements.back()->expression = expressions_.tuple();
        stream_.expect(TokenKind::kPrintEnd);
      } else {
        stream_.next();  // {%
        if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return stream_.at_name(end); })) {
          return statements;
        }
        statements.push_back(statement(ends));
        stream_.expect(TokenKind::kBlockEnd);
      }
    }
    if (ends.size() > 0) {
      fail("{% " + std::string(*(ends.end() - 1)) + " %} is missing");
    }
    return statements;
  }

  // Behind a tag that opens a body: the body, and the name of the tag that ended it, which is taken.
  Statements block(Names ends) {
    stream_.skip_operator(":");
    stream_.expect(TokenKind::kBlockEnd);
    return body(ends);
  }
  Statements whole_block(std::string_view end) {
    Statements statements = block({end});
    stream_.next();
    return statements;
  }

  StatementPointer statement(Names ends) {
    struct Tag {
      std::string_view name;
      StatementPointer (Parser::*parse)();
    };
    static constexpr std::array<Tag, 12> kTags = {{{"if", &Parser::parse_if},
                                                   {"for", &Parser::parse_for},
                                                   {"set", &Parser::parse_set},
                                                   {"macro", &Parser::parse_macro},
                                                   {"call", &Parser::parse_call},
                                                   {"filter", &Parser::parse_filter},
                                                   {"with", &Parser::parse_with},
                                                   {"generation", &Parser::parse_generation},
                                                   {"autoescape", &Parser::parse_autoescape},
                                                   {"print", &Parser::parse_print},
                                                   {"break", &Parser::parse_break},
                                                   {"continue", &Parser::parse_continue}}};
    if (!stream_.at(TokenKind::kName)) {
      fail("a tag's name is due here, not " + stream_.describe());
    }
    const std::string& name = stream_.current().text;
    for (const Tag& tag : kTags) {
      if (tag.name == name) {
        return (this->*tag.parse)();
      }
    }
    if (name == "include" || name == "import" || name == "extends" || name == "from" || name == "block") {
      fail("{% " + name + " %} is not supported: a chat template is one file");
    }
    std::string message = "there is no tag '" + name + "'";
    if (ends.size() > 0) {
      message += " here; {% " + std::string(*(ends.end() - 1)) + " %} is due";
    }
    fail(message);
  }

  Target target(std::string_view end = {}, bool with_namespace = false) {
    std::vector<Target> targets;
    const std::uint32_t offset = stream_.current().offset;
    bool is_tuple = false;
    while (stream_.at(TokenKind::kName) || stream_.at_operator("(")) {
      if (!end.empty() && stream_.at_name(end)) {
        break;
      }
      targets.push_back(one_target(with_namespace));
      if (!stream_.skip_operator(",")) {
        break;
      }
      is_tuple = true;
    }
    if (targets.empty()) {
      fail("a name to assign to is due here, not " + stream_.describe());
    }
    if (!is_tuple) {
      return std::move(targets.front());
    }
    Target tuple;
    tuple.kind = Target::Kind::kTuple;
    tuple.offset = offset;
    tuple.parts = std::move(targets);
    return tuple;
  }

  Target one_target(bool with_namespace) {
    const Nesting nesting(depth_);
    if (stream_.skip_operator("(")) {
      Target inner = target({}, with_namespace);
      stream_.expect_operator(")");
      return inner;
    }
    Target single;
    single.offset = stream_.current().offset;
    single.name = stream_.take_name("a name");
    for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
      if (single.name == constant) {
        fail("'" + single.name + "' cannot be assigned to");
      }
    }
    if (with_namespace && stream_.skip_operator(".")) {
      single.kind = Target::Kind::kAttribute;
      single.attribute = stream_.take_name("an attribute's name");
    }
    return single;
  }

  StatementPointer parse_if() {
    StatementPointer node = make(Kind::kIf);
    stream_.next();
    while (true) {
      ExpressionPointer test = expressions_.tuple(false);
      Statements branch = block({"elif", "else", "endif"});
      node->branches.emplace_back(std::move(test), std::move(branch));
      const std::string end = stream_.next().text;
      if (end == "elif") {
        continue;
      }
      if (end == "else") {
        node->body = whole_block("endif");
      }
      return node;
    }
  }

  StatementPointer parse_for() {
    StatementPointer node = make(Kind::kFor);
    stream_.next();
    node->target = target("in");
    stream_.expect_name("in");
    node->expression = expressions_.tuple(false, "recursive");
    if (stream_.skip_name("if")) {
      node->test = expressions_.expression();
    }
    node->recursive = stream_.skip_name("recursive");
    ++loops_;
    node->body = block({"else", "endfor"});
    --loops_;
    if (stream_.next().text == "else") {
      node->otherwise = whole_block("endfor");
    }
    return node;
  }

  StatementPointer parse_set() {
    StatementPointer node = make(Kind::kSet);
    stream_.next();
    node->target = target({}, true);
    if (stream_.skip_operator("=")) {
      node->expression = expressions_.tuple();
      return node;
    }
    node->kind = Kind::kSetBlock;
    node->expression = expressions_.filters(nullptr);
    node->body = closed_body("endset");
    return node;
  }

  // A body that a loop around it cannot be left from.
  Statements closed_body(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Statements statements = whole_block(end);
    loops_ = loops;
    return statements;
  }

  void signature(Macro& macro) {
    stream_.expect_operator("(");
    while (!stream_.at_operator(")")) {
      macro.parameters.push_back(stream_.take_name("a parameter's name"));
      if (stream_.skip_operator("=")) {
        macro.defaults.push_back(expressions_.expression());
      } else if (!macro.defaults.empty()) {
        fail("a parameter without a default stands behind one with a default");
      }
      if (!stream_.skip_operator(",")) {
        break;
      }
    }
    stream_.expect_operator(")");
  }

  void macro_body(Macro& macro, std::string_view end) {
    const MacroNames outer = expressions_.exchange_names({});
    macro.body = closed_body(end);
    const MacroNames inner = expressions_.exchange_names({});
    macro.uses_caller = inner.caller;
    macro.uses_varargs = inner.varargs;
    macro.uses_kwargs = inner.kwargs;
    expressions_.exchange_names(outer);
  }

  StatementPointer parse_macro() {
    StatementPointer node = make(Kind::kMacro);
    stream_.next();
    node->macro = std::make_unique<Macro>();
    node->macro->name = stream_.take_name("a macro's name");
    signature(*node->macro);
    macro_body(*node->macro, "endmacro");
    return node;
  }

  StatementPointer parse_call() {
    StatementPointer node = make(Kind::kCallBlock);
    stream_.next();
    node->macro = std::make_unique<Macro>();
    node->macro->name = "caller";
    if (stream_.at_operator("(")) {
      signature(*node->macro);
    }
    node->expression = expressions_.call_expression();
    macro_body(*node->macro, "endcall");
    return node;
  }

  StatementPointer parse_filter() {
    StatementPointer node = make(Kind::kFilterBlock);
    stream_.next();
    node->expression = expressions_.filters(nullptr, true);
    node->body = closed_body("endfilter");
    return node;
  }

  StatementPointer parse_with() {
    StatementPointer node = make(Kind::kWith);
    stream_.next();
    while (!stream_.at(TokenKind::kBlockEnd)) {
      if (!node->assignments.empty()) {
        stream_.expect_operator(",");
      }
      Target assigned = one_target(false);
      stream_.expect_operator("=");
      node->assignments.emplace_back(std::move(assigned), expressions_.expression());
    }
    node->body = whole_block("endwith");
    return node;
  }

  StatementPointer parse_generation() {
    StatementPointer node = make(Kind::kGeneration);
    stream_.next();
    node->body = closed_body("endgeneration");
    return node;
  }

  StatementPointer parse_autoescape() {
    StatementPointer node = make(Kind::kScope);
    stream_.next();
    const ExpressionPointer on = expressions_.expression();
    if (on->kind != Expression::Kind::kBool || on->integer != 0) {
      fail("{% autoescape %} is not supported: chat templates write no HTML");
    }
    node->body = whole_block("endautoescape");
    return node;
  }

  StatementPointer parse_print() {
    StatementPointer node = make(Kind::kScope);
    stream_.next();
    while (!stream_.at(TokenKind::kBlockEnd)) {
      if (!node->body.empty()) {
        stream_.expect_operator(",");
      }
      node->body.push_back(make(Kind::kPrint));
      node->body.back()->expression = expressions_.expression();
    }
    return node;
  }

  StatementPointer leave_loop(Kind kind) {
    StatementPointer node = make(kind);
    if (loops_ == 0) {
      fail("'" + stream_.current().text + "' stands outside of a loop");
    }
    stream_.next();
    return node;
  }
  StatementPointer parse_break() { return leave_loop(Kind::kBreak); }
  StatementPointer parse_continue() { return leave_loop(Kind::kContinue); }

  TokenStream stream_;
  ExpressionParser expressions_;
  std::uint32_t depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Statements parse_template(const std::vector<Token>& tokens, std::uint32_t& offset) {
  return Parser(tokens, offset).run();
}

}  // namespace luthier::text::jinja
