/// <reference types="tree-sitter-cli/dsl" />
// The grammar of Weir for editors that colour, fold and indent by tree-sitter. The compiler's own grammar is
// `compiler/syntax/src/grammar.lalrpop`; `editors/tree-sitter-weir/tests/agreement.rs` holds the two together.
// `tree-sitter generate --abi 14` writes `src/`.

/** The units that make a quantity of the number before them. */
const UNITS = ['ns', 'us', 'ms', 's', 'min', 'h', 'd', 'bps', 'Kbps', 'Mbps', 'Gbps', 'Tbps', 'B', 'KB', 'MB', 'GB', 'KiB', 'MiB', 'GiB'];

const LEVEL = { on: 1, where: 2, or: 3, and: 4, not: 5, compare: 6, union: 7, intersection: 8, sum: 9, product: 10, slash: 11, range: 12, argument: 13 };

const one = (rule) => seq(rule, repeat(seq(',', rule)));
const list = (rule) => optional(seq(one(rule), optional(',')));
const names = ($) => seq($.identifier, repeat(seq('.', $.identifier)));
const binary = (self, level, operator) =>
  prec.left(level, seq(field('left', self), field('operator', operator), field('right', self)));

module.exports = grammar({
  name: 'weir',

  extras: ($) => [/[ \t\r\n\uFEFF]/, $.comment, $.documentation, $.file_documentation],
  word: ($) => $.identifier,
  supertypes: ($) => [$.expression, $.literal],

  rules: {
    source_file: ($) => repeat(seq($._item, optional(','))),

    _item: ($) => choice($.use, $.declaration, $.template, $.flow, $.assertion),

    comment: () => token(seq('//', /[^\n]*/)),
    documentation: () => token(prec(1, seq('///', /[^\n]*/))),
    file_documentation: () => token(prec(1, seq('//!', /[^\n]*/))),

    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,

    use: ($) =>
      seq('use', names($), optional(choice($._alias, seq('.', '{', list($.use_item), '}')))),
    use_item: ($) => seq(names($), optional($._alias)),
    _alias: ($) => seq('as', field('alias', $.identifier)),

    declaration: ($) =>
      prec.right(
        seq(
          field('keyword', $.identifier),
          field('name', $.identifier),
          optional(seq('[', field('array', $.expression), ']')),
          optional(seq(':', field('class', $.expression))),
          optional(seq('in', field('cluster', $.path))),
          optional(seq('between', one(field('between', $.path)))),
          optional(seq('=', field('value', $._value))),
          optional(field('body', $.block)),
        ),
      ),

    block: ($) => seq('{', repeat(seq($._entry, optional(','))), '}'),
    _entry: ($) => choice($.attribute, $.inner_block, $.declaration, $.flow),
    attribute: ($) => seq(field('name', $.identifier), '=', field('value', $._value)),
    inner_block: ($) => seq(field('keyword', $.identifier), field('body', $.block)),

    template: ($) =>
      seq(
        'template',
        field('name', $.identifier),
        field('parameters', $.parameters),
        field('body', $.template_body),
      ),
    parameters: ($) => seq('(', list($.parameter), ')'),
    parameter: ($) =>
      seq(
        field('name', $.identifier),
        ':',
        field('kind', $.identifier),
        optional(seq('=', field('default', $.expression))),
      ),
    template_body: ($) => seq('{', repeat(seq($._item, optional(','))), '}'),

    flow: ($) =>
      prec.right(
        seq(
          field('effect', choice('allow', 'deny')),
          field('source', $.expression),
          field('arrow', choice('->', '<->')),
          field('destination', $.expression),
          ':',
          field('service', $.expression),
          optional(field('body', $.block)),
        ),
      ),

    assertion: ($) =>
      prec.right(
        seq(
          'assert',
          field('kind', choice($.identifier, 'allow', 'deny')),
          choice(
            seq(
              field('source', $.expression),
              field('arrow', choice('->', '<->', '~>')),
              field('destination', $.expression),
              optional(seq(':', field('service', $.expression))),
            ),
            one(field('member', $.expression)),
          ),
          optional(field('body', $.block)),
        ),
      ),

    _value: ($) => choice($.expression, $.arrow_value),
    arrow_value: ($) => seq(field('from', $.expression), '->', field('to', $.expression)),

    expression: ($) =>
      choice(
        $.on_expression,
        $.where_expression,
        $.logical_expression,
        $.not_expression,
        $.comparison,
        $.set_expression,
        $.arithmetic_expression,
        $.prefix_expression,
        $.range_expression,
        $.parenthesized_expression,
        $.literal,
        $.method,
        $.path,
        $.list,
        $.map,
      ),

    on_expression: ($) => binary($.expression, LEVEL.on, 'on'),
    where_expression: ($) => binary($.expression, LEVEL.where, 'where'),
    logical_expression: ($) =>
      choice(binary($.expression, LEVEL.or, 'or'), binary($.expression, LEVEL.and, 'and')),
    not_expression: ($) => prec(LEVEL.not, seq('not', $.expression)),
    comparison: ($) => binary($.expression, LEVEL.compare, choice('==', '!=', '<', '<=', '>', '>=')),
    set_expression: ($) =>
      choice(binary($.expression, LEVEL.union, '|'), binary($.expression, LEVEL.intersection, '&')),
    arithmetic_expression: ($) =>
      choice(binary($.expression, LEVEL.sum, choice('+', '-')), binary($.expression, LEVEL.product, '*')),
    prefix_expression: ($) => binary($.expression, LEVEL.slash, '/'),
    range_expression: ($) => binary($.expression, LEVEL.range, '..'),
    parenthesized_expression: ($) => seq('(', $.expression, ')'),

    method: ($) => prec(LEVEL.argument, seq($.literal, '.', $.path)),
    path: ($) => prec.right(seq($._segment, repeat(seq('.', $._segment)))),
    _segment: ($) =>
      prec.right(
        seq(
          field('segment', choice($.identifier, alias('on', $.identifier))),
          optional($.index),
          optional($.arguments),
        ),
      ),
    index: ($) => seq('[', $.expression, ']'),
    arguments: ($) => seq('(', list($.argument), ')'),
    argument: ($) =>
      choice(
        $.expression,
        seq(field('name', $.identifier), '=', field('value', $.expression)),
        seq(
          field('name', $.identifier),
          field('selector', $.selector),
          optional(seq('=', field('value', $.expression))),
        ),
      ),
    selector: ($) => seq($._number, optional(seq('..', $._number))),
    _number: ($) => choice($.integer, $.hexadecimal),

    list: ($) => seq('[', list($.expression), ']'),
    map: ($) => seq('{', repeat(seq($.map_entry, optional(','))), '}'),
    map_entry: ($) =>
      seq(field('name', choice($.identifier, $.string)), '=', field('value', $._value)),

    literal: ($) =>
      choice($.integer, $.hexadecimal, $.decimal, $.quantity, $.string, $.ipv4, $.ipv6, $.mac, $.date),
    integer: () => /[0-9][0-9_]*/,
    hexadecimal: () => /0x[0-9A-Fa-f_]+/,
    decimal: () => /[0-9]+\.[0-9]+/,
    // the unit is a word of its own, for `3 security = 2` has none
    quantity: ($) => seq(choice($.integer, $.decimal), field('unit', $.unit)),
    unit: () => choice(...UNITS),
    ipv4: () => token(prec(1, /[0-9]+\.[0-9]+(\.[0-9]+)+(\/[0-9]+)?/)),
    ipv6: () =>
      choice(
        /([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*)?::([0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4})*(\.[0-9]+){0,3})?(\/[0-9]+)?/,
        /[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}(\/[0-9]+)?/,
      ),
    mac: () => /[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}/,
    date: () =>
      /[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?/,

    string: ($) =>
      seq('"', repeat(choice($.escape_sequence, $.hole, $._characters)), token.immediate('"')),
    _characters: () => token.immediate(prec(2, /[^"\\{}\n]+|[{}]/)),
    escape_sequence: () => token.immediate(prec(3, /\\[^\n]|\{\{|\}\}/)),
    hole: () => token.immediate(prec(3, /\{[^{}"\\\n]+\}/)),
  },
});
