#include "pipelines/text/chat/plain_template.h"

namespace luthier::text {
namespace {

constexpr std::string_view kPlain = R"({%- if tools %}
    {{- 'tools:\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{{- '\n' if not loop.last }}{%- endfor %}
    {{- eos_token + '\n' }}
{%- endif %}
{%- for message in messages %}
    {{- message.role + ':\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}
            {{- message.content }}
            {%- for call in message.tool_calls or [] %}
                {%- set function = call.function or call %}
                {{- '\n' if message.content or not loop.first }}
                {{- 'call: ' + {'name': function.name, 'arguments': function.arguments} | tojson }}
            {%- endfor %}
            {{- eos_token }}
        {%- endgeneration %}
    {%- else %}
        {{- message.content + eos_token }}
    {%- endif %}
    {{- '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- 'assistant:\n' }}{%- endif %}
)";

}  // namespace

std::string_view plain_chat_template() { return kPlain; }

}  // namespace luthier::text
