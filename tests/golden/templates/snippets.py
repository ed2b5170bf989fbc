"""Small templates that together use everything the engine knows: one a line of LINES."""

VARIABLES = {
    "text": "Hello, World", "empty": "", "spaced": "  a b\t c \n", "words": "one two  three", "lines": "a\nb\r\nc\n\nd",
    "unicode": "Straße ŉ ǅ ΑΣ ΣΑΣ. 日本語 é e\u0301 👩‍👩‍👧 \u00a0\u2028", "quoted": "it's \"q\" \\ \n\t\x07 é \u200b \ue000",
    "zero": 0, "one": 1, "minus": -7, "big": 9007199254740993, "real": 2.5, "tiny": 1e-7, "huge": 1e16, "whole": 3.0,
    "yes": True, "no": False, "nothing": None, "numbers": [3, 1, 2], "mixed": [1, "a", None, True, 2.5, [1], {"k": 1}],
    "names": ["b", "A", "c", "B"], "none_list": [], "nested": [[1, 2], [3]],
    "map": {"b": 1, "a": {"x": [1, {"y": "z"}]}, "items": "own", "C": None}, "empty_map": {}, "large": {f"k{i}": i for i in range(20)},
    "people": [{"name": "Ann", "age": 30, "tags": ["x"]}, {"name": "bob", "age": 25}, {"name": "Cem", "age": 30, "tags": []}],
    "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "tool", "content": "t"}],
    "html": "<a href='x'>&\"</a>", "path": "a/b c?d=é&e", "sep": ", ", "deep": {"list": [{"v": 1}, {"v": 2}]},
}

LINES = r'''
{{ text }}|{{ empty }}|{{ zero }}|{{ one }}|{{ real }}|{{ tiny }}|{{ huge }}|{{ whole }}|{{ yes }}|{{ no }}|{{ nothing }}|{{ big }}
{{ mixed }}|{{ map }}|{{ nested }}|{{ none_list }}|{{ empty_map }}|{{ quoted }}|{{ [quoted] }}|{{ ("a",) }}|{{ () }}|{{ (1, 2) }}
{{ undefined_name }}|{{ map.missing }}|{{ map['missing'] }}|{{ numbers[9] }}|{{ text[99] }}|{{ [undefined_name] }}
{{ undefined_name.x }}
{{ undefined_name['x'] }}
{{ undefined_name + 'a' }}
{{ 'a' + undefined_name }}
{{ undefined_name() }}
{{ map.missing.more }}
{{ map.a.x[1].y }}|{{ map['a']['x'][0] }}|{{ map.a.x[-1]['y'] }}|{{ deep.list.0.v }}
{{ map.items() | list }}|{{ map['items'] }}|{{ map.keys() | list }}|{{ map.values() | list }}|{{ map.keys() }}|{{ map.values() }}|{{ empty_map.items() }}
{{ map.get('b') }}|{{ map.get('zz') }}|{{ map.get('zz', 'd') }}|{{ map.get('zz', default='d') }}|{{ map.copy() == map }}
{{ large.k13 }}|{{ large['k19'] }}|{{ 'k5' in large }}|{{ 'q' in large }}|{{ large | length }}
{{ 1 + 2 * 3 - 4 / 2 }}|{{ 7 // 2 }}|{{ -7 // 2 }}|{{ 7 % 3 }}|{{ -7 % 3 }}|{{ 7 % -3 }}|{{ 2 ** 10 }}|{{ 2 ** -1 }}|{{ 7.5 // 2 }}|{{ -7.5 % 2 }}|{{ -2 ** 2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 5 % 0 }}
{{ 1.5 % 0 }}
{{ 'a' + 'b' }}|{{ 'ab' * 3 }}|{{ 3 * 'ab' }}|{{ [1] + [2] }}|{{ [0] * 3 }}|{{ (1,) + (2,) }}|{{ 'x' * 0 }}|{{ 'x' * -1 }}|{{ true + 1 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + (2,) }}
{{ 'a' - 'b' }}
{{ none + 'a' }}
{{ 'a' ~ 1 ~ none ~ true ~ [1] ~ undefined_name ~ 2.0 }}
{{ 1 == 1.0 }}|{{ 1 == true }}|{{ '1' == 1 }}|{{ [1] == [1.0] }}|{{ (1,) == [1] }}|{{ none == false }}|{{ undefined_name == undefined_name }}|{{ undefined_name == none }}|{{ map == map }}
{{ 1 < 2 < 3 }}|{{ 1 < 3 < 2 }}|{{ 'a' < 'b' }}|{{ 'é' > 'z' }}|{{ [1, 2] < [1, 3] }}|{{ 1 != 2 }}|{{ 3 >= 3 > 2 }}|{{ (1, 'a') < (1, 'b') }}
{{ 'a' < 1 }}
{{ none < 1 }}
{{ undefined_name < 1 }}
{{ map < map }}
{{ 'a' in text }}|{{ 'World' in text }}|{{ '' in text }}|{{ 3 in numbers }}|{{ 'b' in map }}|{{ 'z' not in map }}|{{ none in mixed }}|{{ [1] in mixed }}|{{ 'a' in undefined_name }}|{{ 1 in map.values() }}
{{ 1 in text }}
{{ 'a' in none }}
{{ 'a' in 5 }}
{{ not yes }}|{{ not none }}|{{ yes and 'x' }}|{{ no and 'x' }}|{{ empty or 'd' }}|{{ 'v' or 'd' }}|{{ not yes or yes }}|{{ not (yes and no) }}|{{ none_list or map.b }}
{{ 'a' if yes else 'b' }}|{{ 'a' if no else 'b' }}|{{ 'a' if no }}|{{ ('a' if no) is defined }}|{{ 'x' if yes if no else 'y' }}|{{ 1 if no else 2 if no else 3 }}
{{ -one }}|{{ +one }}|{{ -real }}|{{ -yes }}|{{ - - one }}|{{ 5 - -2 }}
{{ -text }}
{{ 1_000 }}|{{ 0x1F }}|{{ 0b101 }}|{{ 0o17 }}|{{ 1.5e3 }}|{{ 2e-3 }}|{{ 1e100 }}|{{ 0.1 + 0.2 }}|{{ 100000000000000000.0 }}|{{ 123456789.125 }}|{{ 0 }}|{{ 00 }}|{{ 1e22 }}|{{ 1e-5 }}|{{ 0.0001 }}
{{ 'a\nb\t\'q\' \"d\" \\ \x41 \u00e9 \U0001F600 \101 \q' }}|{{ "it's" 'joined' "up" }}|{{ '\a\b\f\v' | tojson }}
{{ text[0] }}|{{ text[-1] }}|{{ text[1:4] }}|{{ text[:3] }}|{{ text[-3:] }}|{{ text[::2] }}|{{ text[::-1] }}|{{ text[5:1] }}|{{ text[100:] }}|{{ unicode[10:14] }}|{{ unicode[-3:] }}|{{ unicode[3] }}
{{ numbers[1:] }}|{{ numbers[:-1] }}|{{ numbers[::-1] }}|{{ numbers[::2] }}|{{ numbers[5:] }}|{{ (1, 2, 3)[1:] }}|{{ numbers[none:2] }}|{{ range(10)[2:8:3] | list }}|{{ numbers[-2::-1] }}|{{ numbers[-9:9] }}
{{ map[1:] }}
{{ nothing[1:] }}
{{ undefined_name[1:] }}
{{ numbers['a':] }}
{{ numbers[::0] }}
{{ numbers[1.5] }}|{{ numbers['x'] }}|{{ none.x }}|{{ one.x }}|{{ text.nope }}|{{ numbers.nope }}|{{ none['x'] }}
{{ text.upper() }}|{{ text.lower() }}|{{ text.title() }}|{{ text.swapcase() }}|{{ 'hELLO wORLD'.capitalize() }}|{{ unicode.upper() }}|{{ unicode.lower() }}|{{ unicode.title() }}|{{ unicode.casefold() }}|{{ unicode.swapcase() }}
{{ spaced.strip() }}|{{ spaced.lstrip() }}|{{ spaced.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'abcab'.lstrip('ba') }}|{{ 'abcab'.rstrip('ab') }}|{{ 'éaé'.strip('é') }}|{{ ''.strip() }}|{{ '\u00a0a\u3000'.strip() }}
{{ words.split() }}|{{ words.split(' ') }}|{{ words.split(' ', 1) }}|{{ words.split(none, 1) }}|{{ words.split(maxsplit=1) }}|{{ 'a,b,c'.rsplit(',', 1) }}|{{ words.rsplit() }}|{{ words.rsplit(none, 1) }}|{{ ''.split() }}|{{ ''.split(',') }}|{{ 'a--b'.split('--') }}|{{ 'aaa'.split('a') }}|{{ ' a '.split(' ') }}|{{ ' x y '.rsplit(maxsplit=1) }}
{{ 'a'.split('') }}
{{ lines.splitlines() }}|{{ lines.splitlines(true) }}|{{ 'a\n'.splitlines() }}|{{ 'a\x0bb\x1cc\u2028d\x85e'.splitlines() }}|{{ ''.splitlines() }}
{{ text.startswith('He') }}|{{ text.endswith('ld') }}|{{ text.startswith(('x', 'H')) }}|{{ text.startswith('l', 2) }}|{{ text.endswith('He', 0, 2) }}|{{ text.startswith('') }}|{{ text.startswith('', 99) }}
{{ text.startswith(['H']) }}
{{ text.find('o') }}|{{ text.rfind('o') }}|{{ text.find('zz') }}|{{ unicode.find('日') }}|{{ text.index('W') }}|{{ text.find('o', 5) }}|{{ text.find('o', -4) }}|{{ text.find('') }}|{{ text.rfind('') }}|{{ text.count('o') }}|{{ text.count('') }}|{{ 'aaaa'.count('aa') }}|{{ text.find('l', 3, 4) }}
{{ text.index('zz') }}
{{ text.replace('o', '0') }}|{{ text.replace('o', '0', 1) }}|{{ 'abc'.replace('', '-') }}|{{ 'abc'.replace('', '-', 2) }}|{{ 'aaa'.replace('aa', 'b') }}|{{ text.replace('zz', 'y') }}|{{ 'é'.replace('é', 'e') }}
{{ ', '.join(['a', 'b']) }}|{{ ''.join('abc') }}|{{ '-'.join(map) }}|{{ 'x'.join([]) }}
{{ ','.join([1]) }}
{{ 'pre-fix'.removeprefix('pre-') }}|{{ 'pre-fix'.removesuffix('fix') }}|{{ 'a=b=c'.partition('=') }}|{{ 'a=b=c'.rpartition('=') }}|{{ 'abc'.partition('=') }}|{{ 'abc'.rpartition('=') }}
{{ 'ab'.ljust(5) }}|{{ 'ab'.rjust(5, '.') }}|{{ 'ab'.center(5, '*') }}|{{ 'abc'.center(6, '*') }}|{{ 'ab'.zfill(5) }}|{{ '-42'.zfill(6) }}|{{ 'abc'.ljust(2) }}|{{ 'ab'.center(7) }}
{{ 'abc'.isalpha() }}|{{ '12'.isdigit() }}|{{ 'a1'.isalnum() }}|{{ ' \t'.isspace() }}|{{ ''.isspace() }}|{{ 'AB1'.isupper() }}|{{ 'ab1'.islower() }}|{{ '1'.isupper() }}|{{ '²'.isdigit() }}|{{ '²'.isdecimal() }}|{{ 'é日'.isalpha() }}|{{ 'a b'.isprintable() }}|{{ 'é'.isascii() }}
{{ '{} and {}'.format(1, 'b') }}|{{ '{0}{1}{0}'.format('a', 'b') }}|{{ '{x}-{y.b}-{y[b]}-{z[0]}'.format(x=1, y=map, z=numbers) }}|{{ '{{}} {:>5}|{:<5}|{:^5}|{:*^7}'.format(1, 2, 'x', 'y') }}|{{ '{:.2f} {:,} {:05d} {:x} {:+d} {:%} {!r}'.format(3.14159, 1234567, 42, 255, 3, 0.5, 'q') }}
{{ '{}'.format() }}
{{ '{a}'.format(b=1) }}
{{ '%s is %d years, %.1f%%, %5s|%-5s|%05d %x %r' % ('Ann', 30, 99.55, 'r', 'l', 42, 255, 'q') }}|{{ '%s' % 'x' }}|{{ '%(b)s' % map }}|{{ '%s' % [1, 2] }}|{{ '%s %s' | format('a', 1) }}|{{ '%(a)s' | format(a=2) }}|{{ '%+d % d %e %g' % (1, 2, 12345.678, 0.0001) }}|{{ '%c' % 'x' }}
{{ '%s %s' % 'one' }}
{{ '%d' % 'x' }}
{{ 'no places' % 'x' }}
{{ text | upper }}|{{ text | lower }}|{{ 'ab cd-ef (gh) it\'s' | title }}|{{ 'hELLO' | capitalize }}|{{ spaced | trim }}|{{ 'xax' | trim('x') }}|{{ 5 | string }}|{{ none | upper }}|{{ undefined_name | trim }}|{{ undefined_name | lower }}
{{ text | length }}|{{ unicode | length }}|{{ numbers | count }}|{{ map | length }}|{{ undefined_name | length }}|{{ numbers | first }}|{{ numbers | last }}|{{ none_list | first }}|{{ none_list | last }}|{{ text | first }}|{{ text | last }}|{{ map | first }}
{{ none | length }}
{{ 5 | length }}
{{ none | list }}
{{ 5 | first }}
{{ undefined_name | default('d') }}|{{ empty | default('d') }}|{{ empty | default('d', true) }}|{{ none | d('x') }}|{{ none | d('x', boolean=true) }}|{{ undefined_name | default }}|{{ map.zz | default(default_value=5) }}
{{ numbers | join }}|{{ numbers | join(', ') }}|{{ people | join('/', attribute='name') }}|{{ 'abc' | join('.') }}|{{ [none, true, 1.0] | join(' ') }}|{{ map | join(',') }}|{{ undefined_name | join(',') }}|{{ numbers | join(d='-') }}
{{ numbers | sort }}|{{ numbers | sort(reverse=true) }}|{{ names | sort }}|{{ names | sort(case_sensitive=true) }}|{{ people | sort(attribute='age') | map(attribute='name') | list }}|{{ people | sort(attribute='age,name') | map(attribute='name') | list }}|{{ people | sort(true, attribute='age') | map(attribute='name') | join }}
{{ mixed | sort }}
{{ names | unique | list }}|{{ names | unique(true) | list }}|{{ [1, 1.0, '1', true] | unique | list }}|{{ people | unique(attribute='age') | map(attribute='name') | list }}|{{ numbers | min }}|{{ numbers | max }}|{{ none_list | max }}|{{ people | max(attribute='age') }}|{{ names | min }}|{{ numbers | sum }}|{{ people | sum(attribute='age') }}|{{ numbers | sum(start=10) }}|{{ none_list | sum }}
{{ map | dictsort }}
{{ {'b': 1, 'A': 2, 'c': 0} | dictsort }}|{{ {'b': 1, 'A': 2} | dictsort(true) }}|{{ {'b': 1, 'A': 2, 'c': 0} | dictsort(by='value') }}|{{ {'b': 1, 'a': 2} | dictsort(reverse=true) }}|{% for k, v in {'x': 1}.items() %}{{ k }}{{ v }}{% endfor %}
{{ numbers | reverse | list }}|{{ 'abc' | reverse }}|{{ map | reverse | list }}|{{ map | items | list }}|{{ undefined_name | items | list }}|{{ [1, 2, 3, 4, 5] | batch(2) | list }}|{{ [1, 2, 3] | batch(2, 'x') | list }}
{{ people | map(attribute='name') | list }}|{{ people | map(attribute='tags', default='none') | list }}|{{ names | map('upper') | list }}|{{ names | map('replace', 'b', 'x') | list }}|{{ deep.list | map(attribute='v') | sum }}|{{ people | map(attribute='tags.0') | list }}|{{ nested | map(attribute=0) | list }}|{{ undefined_name | map('upper') | list }}|{{ nested | map('join', '-') | list }}
{{ people | map('nosuch') | list }}
{{ numbers | select('odd') | list }}|{{ numbers | reject('odd') | list }}|{{ mixed | select | list }}|{{ mixed | select('string') | list }}|{{ people | selectattr('tags') | map(attribute='name') | list }}|{{ people | selectattr('age', 'equalto', 30) | list | length }}|{{ people | rejectattr('age', '>', 26) | map(attribute='name') | join }}|{{ people | selectattr('tags', 'defined') | list | length }}|{{ messages | selectattr('role', 'in', ['user', 'tool']) | map(attribute='content') | join }}|{{ numbers | select('ge', 2) | list }}|{{ numbers | select('divisibleby', 3) | list }}
{{ (people | selectattr('age', '==', 99)) is defined }}|{{ 'yes' if people | selectattr('age', '==', 99) else 'no' }}|{{ 'yes' if people | selectattr('age', '==', 99) | list else 'no' }}
{{ people | selectattr('age', '==', 30) | length }}
{{ (numbers | map('string'))[0] }}|{% set g = numbers | select %}{{ g | list }}{{ g | list }}|{% set g = numbers | map('string') %}{{ g | first }}{{ g | first }}{{ g | join }}
{{ map | tojson }}|{{ mixed | tojson }}|{{ quoted | tojson }}|{{ unicode | tojson }}|{{ unicode | tojson(ensure_ascii=true) }}|{{ 'a/<b>&' | tojson }}|{{ 1e16 | tojson }}|{{ 2.0 | tojson }}|{{ none | tojson }}|{{ true | tojson }}|{{ (1, 2) | tojson }}
{{ map | tojson(indent=2) }}|{{ map | tojson(indent=4) }}|{{ none_list | tojson(indent=2) }}|{{ empty_map | tojson(indent=2) }}|{{ map | tojson(separators=(',', ':')) }}|{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}|{{ nested | tojson(indent='\t') }}|{{ [1, [2]] | tojson(indent=0) }}|{{ [1, 2] | tojson(indent=1, separators=('; ', '=')) }}|{{ {1: 'a', 2.5: 'b', none: 'c', true: 'd'} | tojson }}|{{ map | tojson(true, 2) }}
{{ undefined_name | tojson }}
{{ [undefined_name] | tojson }}
{{ map.items() | tojson }}
{{ range(3) | tojson }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2) }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\nb' | indent('> ', first=true) }}|{{ 'a\n' | indent }}|{{ '' | indent(first=true) }}|{{ 'a\r\nb' | indent(1) }}
{{ 'ab' | center(6) }}|{{ 'abc' | center(6) }}|{{ 'a long text here' | truncate(9) }}|{{ 'a long text here' | truncate(9, true) }}|{{ 'a long text here' | truncate(9, true, '..', 0) }}|{{ 'short' | truncate(9) }}|{{ 'foo bar baz' | wordcount }}|{{ text | replace('o', '0') }}|{{ text | replace('o', '0', 1) }}|{{ 55 | replace(5, 6) }}
{{ html | e }}|{{ html | escape | escape }}|{{ html | safe }}|{{ ('<' | safe) + '<' }}|{{ '<' + ('<' | safe) }}|{{ ('<' | safe) ~ '<' }}|{{ html | forceescape }}|{{ path | urlencode }}|{{ ('a' | safe + 'b') | length }}
{{ '42' | int }}|{{ '42.9' | int }}|{{ 'x' | int }}|{{ 'x' | int(7) }}|{{ 3.9 | int }}|{{ -3.9 | int }}|{{ 'ff' | int(0, 16) }}|{{ '0x1f' | int(0, 16) }}|{{ true | int }}|{{ none | int }}|{{ ' 5 ' | int }}|{{ '1_000' | int }}|{{ '3.5' | float }}|{{ 'x' | float }}|{{ 3 | float }}|{{ '1e3' | float }}|{{ -5 | abs }}|{{ -5.5 | abs }}|{{ '1e3' | int }}|{{ '' | int }}
{{ 2.5 | round }}|{{ 3.5 | round }}|{{ 2.567 | round(2) }}|{{ 2.1 | round(0, 'ceil') }}|{{ 2.9 | round(method='floor') }}|{{ 5 | round }}|{{ 2.675 | round(2) }}|{{ 1234.5 | round(-2) }}|{{ -0.4 | round }}
{{ text is string }}|{{ one is number }}|{{ yes is number }}|{{ yes is boolean }}|{{ one is integer }}|{{ yes is integer }}|{{ real is float }}|{{ map is mapping }}|{{ numbers is mapping }}|{{ numbers is sequence }}|{{ map is sequence }}|{{ text is sequence }}|{{ text is iterable }}|{{ none is iterable }}|{{ one is iterable }}|{{ undefined_name is iterable }}|{{ map.items() is sequence }}|{{ map.items() is iterable }}
{{ none is none }}|{{ undefined_name is none }}|{{ none is defined }}|{{ undefined_name is defined }}|{{ map.zz is defined }}|{{ undefined_name is undefined }}|{{ yes is true }}|{{ one is true }}|{{ no is false }}|{{ zero is false }}|{{ 3 is odd }}|{{ 4 is even }}|{{ 9 is divisibleby 3 }}|{{ 'a' is in 'abc' }}|{{ 1 is in [1] }}|{{ 5 is gt 3 }}|{{ 5 is lessthan 3 }}|{{ 5 is eq 5 }}|{{ 5 is ne(5) }}|{{ 'a' is sameas 'a' }}|{{ none is sameas none }}|{{ 1 is sameas true }}
{{ 'abc' is lower }}|{{ 'ABC' is upper }}|{{ 'Abc' is lower }}|{{ range is callable }}|{{ text is callable }}|{{ not text is string }}|{{ text is not string }}|{{ text is string and one is number }}|{{ text is string or nope }}|{{ 'x' if text is string else 'y' }}|{{ undefined_name is sequence }}|{{ undefined_name is callable }}|{{ 'upper' is filter }}|{{ 'odd' is test }}|{{ 'nope' is filter }}
{{ text is nosuch }}
{{ text | nosuch }}
{{ text.nosuch() }}
{{ numbers.append(4) }}
{{ map.update({}) }}
{{ map.pop('b') }}
{{ text() }}
{{ numbers.index(1) }}|{{ numbers.count(3) }}|{{ (1, 2, 1).count(1) }}
{{ range(3) | list }}|{{ range(1, 7, 2) | list }}|{{ range(5, 0, -2) | list }}|{{ range(0) | list }}|{{ range(3)[1] }}|{{ range(3) | length }}|{{ 2 in range(3) }}|{{ dict(a=1, b='x') }}|{{ dict({'a': 1}, b=2) }}|{{ dict([('x', 1)]) }}
{{ range(1000000) | length }}
{% for x in numbers %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}
{% for x in numbers %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}|{{ loop.cycle('a', 'b') }}|{{ loop.changed(x > 1) }}|{{ loop.depth }}{{ loop.depth0 }} {% endfor %}
{% for x in none_list %}x{% else %}nothing{% endfor %}|{% for x in numbers if x > 5 %}x{% else %}none match{% endfor %}|{% for x in undefined_name %}x{% else %}undefined{% endfor %}
{% for x in numbers if x != 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}|{% for x in numbers if loop is defined %}x{% else %}no loop{% endfor %}
{% for k, v in map.items() %}{{ k }}={{ v }};{% endfor %}|{% for k in map %}{{ k }}{% endfor %}|{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }}{% endfor %}|{% for (a, (b, c)) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}
{% for x in none %}x{% endfor %}
{% for x in 5 %}x{% endfor %}
{% for c in 'aé日' %}[{{ c }}]{% endfor %}|{% for x in (1, 2), (3,) %}{{ x }}{% endfor %}|{% for x in map.values() %}{{ x }}{% endfor %}
{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% else %}never{% endfor %}
{% for x in [[1, [2, 3]], 4] recursive %}{{ loop(x) if x is iterable else x }}{{ loop.depth }}{% endfor %}
{% for x in numbers %}{% for y in nested %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}
{% set x = 1 %}{% for i in numbers %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}|{% set ns = namespace(total=0, seen=[]) %}{% for i in numbers %}{% set ns.total = ns.total + i %}{% set ns.seen = ns.seen + [i] %}{% endfor %}{{ ns.total }}{{ ns.seen }}{{ ns.other is defined }}{{ ns['total'] }}
{% if no %}{% set y = 1 %}{% else %}{% set y = 2 %}{% endif %}{{ y }}|{% set a, b = 1, 2 %}{{ a }}{{ b }}|{% set (c, d) = (3, 4) %}{{ c }}{{ d }}|{% set t = 1, %}{{ t }}|{% set b %}block {{ one }}{% endset %}{{ b }}|{% set b | upper | trim %} shout {% endset %}{{ b }}
{% set text.x = 1 %}
{% set nope.x = 1 %}
{% set a, b = 1 %}
{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}|{% set ns.a = 5 %}{{ ns.a }}|{{ ns.missing }}|{{ ns }}
{% macro m(a, b='d', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m() }}{{ m(*[7, 8]) }}{{ m(**{'a': 9}) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, k=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m() %}{{ outer }}{{ text[0] }}{% endmacro %}{% set outer = 'late' %}{{ m() }}|{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(5) }}|{{ m is callable }}
{% macro w(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call w('b') %}in {{ one }}{% endcall %}|{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }}{% endfor %}{% endmacro %}{% call(x, i) each(numbers) %}{{ i }}:{{ x }} {% endcall %}
{% filter upper %}shout {{ text }}{% endfilter %}|{% filter trim | replace('a', 'b') %} aaa {% endfilter %}|{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}|{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}
{% raw %}{{ not }} {% this %} {# either #}{% endraw %}|{# comment #}|{#- trimmed -#} x|{%- raw -%} y {%- endraw -%} z
{% generation %}made{% set inner = 1 %}{% endgeneration %}{{ inner is defined }}|{% for m in messages %}{{ m.role }}:{% generation %}{{ m.content }}{% endgeneration %};{% endfor %}
  {% if yes %}   indented{% endif %}   tail
a   {%- if yes -%}   b   {%- endif -%}   c
a {{- ' b ' -}} c {{+ 1 }}
{%+ if yes +%} kept {%+ endif +%} x
{{ raise_exception('no ' ~ text) }}
{{ raise_exception() }}
{{ strftime_now('%d %b %Y %H:%M:%S %j %a %A %B %y %% %I %p') }}|{{ strftime_now('') }}|{{ strftime_now('%Y-%m-%d') }}
{% set j = joiner('; ') %}{% for x in numbers %}{{ j() }}{{ x }}{% endfor %}|{% set j = joiner() %}{{ j() }}{{ j() }}
{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 2 %}b{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}{% if not undefined_name %}u{% endif %}{% if numbers, %}t{% endif %}
{% if yes %}
{% endif %}
{% for x in numbers %}
{{ yes
{{ 'open }}
{{ 1 2 }}
{{ }}
{{ ) }}
{{ (1 }}
{{ [1, 2 }}
{{ {'a' 1} }}
{{ a b }}
{{ 1 + }}
{{ | upper }}
{{ a is }}
{{ $ }}
{% nosuch %}
{% if %}{% endif %}
{% for in x %}{% endfor %}
{% set = 1 %}
{% set true = 1 %}
{% endif %}
{% macro %}{% endmacro %}
{% break %}
{# open
{% raw %} open
{% print one, ' ', text %}|{% autoescape false %}{{ html }}{% endautoescape %}
{{ {'a': 1, 'b': [1, 2], 3: 'c'} }}|{{ {} }}|{{ {'a': 1,}.a }}|{{ {**map} }}
{{ {'a': 1}['a'] }}|{{ [1, 2, 3,][2] }}|{{ {'k': 'v'}.k.upper() }}|{{ 'a'.upper().lower() | upper }}|{{ (numbers | sort)[0] }}|{{ text[numbers[1]] }}|{{ people[0]['name'][0] }}|{{ ('a', 'b')[1] }}|{{ {'x': numbers}.x[-1] }}
{{ {[1]: 2} }}
{{ {map: 2} }}
{{ messages[-1].role }}|{{ messages[1:] | length }}|{{ (messages | last).content }}|{{ messages[0]['content'] is string }}|{{ messages | map(attribute='role') | unique | join(' ') }}|{{ messages[::-1][0].role }}
{{ 'x' if (messages | length) % 2 == 1 and messages[0].role == 'user' else 'y' }}|{{ loop is defined }}|{{ true and not false }}|{{ none is not defined }}|{{ True }}{{ None }}{{ False }}
{% set _ = namespace(a=namespace(b=1)) %}{{ _.a.b }}{% set m = {'a': 1} %}{% set m = dict(m, **{'b': 2}) %}{{ m }}|{% set xs = [] %}{% set xs = xs + [1] %}{{ xs }}
{{ text | upper | lower | title | length }}|{{ (text | upper).lower() }}|{{ text|upper()|lower }}|{{ -1 | abs }}|{{ (-1) | abs }}|{{ 2 ** 3 | string }}|{{ 1 + 2 | string | int }}|{{ not text | length == 12 }}
{{ '%s' | format(none) }}|{{ '%5.2f|%-8s|%08.3f' | format(3.14159, 'ab', -2.5) }}|{{ "%s" % none }}|{{ '%s' % (none,) }}|{{ '%i %u %o %X %#x' % (1, 2, 8, 255, 255) }}
'''.strip("\n")


def snippets():
    """Each print of a line without statements by itself, so that one refusal hides nothing."""
    for line in LINES.split("\n"):
        if "{%" in line or "{#" in line or "}}|{{" not in line:
            yield line
        else:
            for part in line.split("}}|{{"):
                yield "{{" * (not part.startswith("{{")) + part + "}}" * (not part.rstrip("|").endswith("}}"))
