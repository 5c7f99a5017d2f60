import { edit, failing, read, run, search, type Task, task, write } from "./task.ts";

/** Ordinary work on programs in Python, C and shell. */
export const PYTHON_TASKS: readonly Task[] = [
  task(
    {
      name: "fix a failing Python test (a default that is shared)",
      needs: ["python3"],
      make: `mkdir basket tests; touch basket/__init__.py tests/__init__.py
cat >basket/cart.py <<'X'
def add(item, cart=[]):
    """Adds an item to a cart, or to a new one."""
    cart.append(item)
    return cart
X
cat >tests/test_cart.py <<'X'
import unittest
from basket.cart import add

class CartTest(unittest.TestCase):
    def test_into_a_cart(self):
        self.assertEqual(add("cup", ["pen"]), ["pen", "cup"])

    def test_new_carts_are_apart(self):
        add("pen")
        self.assertEqual(add("cup"), ["cup"])
X`,
      issue: "My cart holds what somebody else ordered!",
      check: "python3 -B -m unittest -q",
    },
    failing("python3 -B -m unittest -q"),
    read("basket/cart.py"),
    edit("basket/cart.py", "cart=[]", "cart=None"),
    edit("basket/cart.py", "    cart.append", "    if cart is None:\n        cart = []\n    cart.append"),
    run("python3 -B -m unittest -q"),
  ),
  task(
    {
      name: "fix a traceback that an issue quotes (an encoding)",
      needs: ["python3"],
      make: String.raw`cat >names.py <<'X'
import sys

def names(path):
    with open(path, encoding="ascii") as file:
        return sorted(line.strip() for line in file)

if __name__ == "__main__":
    print("\n".join(names(sys.argv[1])))
X
printf 'Zo\303\253\nAda\nBj\303\266rn\n' >names.txt`,
      issue: "File names.py, line 5: UnicodeDecodeError: 'ascii' codec can't decode byte 0xc3 in position 2",
      check: `[ "$(python3 -B names.py names.txt | tail -1)" = Zoë ] && python3 -B -m unittest -q test_names`,
    },
    failing("python3 -B names.py names.txt"),
    edit("names.py", 'encoding="ascii"', 'encoding="utf-8"'),
    write(
      "test_names.py",
      'import unittest\nfrom names import names\n\n\nclass NamesTest(unittest.TestCase):\n    def test_names_in_any_script(self):\n        self.assertEqual(names("names.txt"), ["Ada", "Björn", "Zoë"])\n',
    ),
    run("python3 -B -m unittest -q test_names && python3 -B names.py names.txt"),
  ),
  task(
    {
      name: "split a module in two without breaking those who use it",
      needs: ["python3"],
      make: String.raw`mkdir shop; touch shop/__init__.py
cat >shop/core.py <<'X'
def tax(cents):
    return cents * 19 // 100


def parse_price(text):
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int((part + "00")[:2])


def gross(text):
    cents = parse_price(text)
    return cents + tax(cents)
X
for n in web api; do printf 'from shop.core import gross, parse_price\n\nprint(gross("10.5"), parse_price("3"))\n' >$n.py; done`,
      issue: "core.py does too much: parsing belongs into shop/parse.py, and everybody should import it from there.",
      check: `for f in web api; do [ "$(python3 $f.py)" = '1249 300' ] || exit 1; done; python3 -c 'from shop.parse import parse_price' && ! grep -q 'def parse_price' shop/core.py && [ "$(grep -l 'from shop.parse import parse_price' *.py | wc -l)" = 2 ]`,
    },
    search("parse_price"),
    write(
      "shop/parse.py",
      'def parse_price(text):\n    whole, _, part = text.partition(".")\n    return int(whole) * 100 + int((part + "00")[:2])\n',
    ),
    edit(
      "shop/core.py",
      'def parse_price(text):\n    whole, _, part = text.partition(".")\n    return int(whole) * 100 + int((part + "00")[:2])\n\n\n',
      "",
    ),
    edit("shop/core.py", "def tax", "from shop.parse import parse_price\n\n\ndef tax"),
    run(
      "sed -i 's/from shop.core import gross, parse_price/from shop.core import gross\\nfrom shop.parse import parse_price/' web.py api.py",
    ),
    run("for f in web api; do python3 $f.py; done; git status --short"),
  ),
  task(
    {
      name: "convert a table from CSV to JSON by a script of its own",
      needs: ["python3"],
      make: String.raw`mkdir data; printf 'id,name,price\n1,"Pen, blue",1.50\n2,"Cup ""large""",12\n3,Straße,0.99\n' >data/items.csv; echo '# Data' >README.md`,
      issue:
        "Please offer the items as JSON too (data/items.json), prices as numbers, and keep the script that makes it.",
      check: `cp data/items.json ../made.json && python3 tools/convert.py && cmp ../made.json data/items.json && python3 -c 'import json; d = json.load(open("data/items.json")); assert d[1] == {"id": 2, "name": "Cup \\"large\\"", "price": 12.0} and d[0]["name"] == "Pen, blue" and d[2]["name"] == "Straße"' && grep -q convert.py README.md`,
    },
    read("data/items.csv"),
    write(
      "tools/convert.py",
      'import csv\nimport json\n\nwith open("data/items.csv", encoding="utf-8", newline="") as file:\n    items = [{"id": int(row["id"]), "name": row["name"], "price": float(row["price"])} for row in csv.DictReader(file)]\nwith open("data/items.json", "w", encoding="utf-8") as file:\n    json.dump(items, file, ensure_ascii=False, indent=2)\n    file.write("\\n")\n',
    ),
    run("python3 tools/convert.py && cat data/items.json"),
    edit("README.md", "# Data", "# Data\n\n`python3 tools/convert.py` makes data/items.json."),
    run("python3 -m json.tool data/items.json >/dev/null && git status --short"),
  ),
  task(
    {
      name: "migrate the data of an SQLite file",
      needs: ["python3"],
      make: `mkdir migrations; python3 - <<'X'
import sqlite3
db = sqlite3.connect("shop.sqlite")
db.execute("create table person(id integer primary key, name text)")
db.executemany("insert into person(name) values (?)", [("Ada Example",), ("Bo Example",), ("Cher",)])
db.commit()
X
echo 'select 1;' >migrations/001.sql`,
      issue:
        "We need the first and last name apart. The migration goes into migrations/002.py, and shop.sqlite should be migrated.",
      check: `python3 -c 'import sqlite3; r = sqlite3.connect("shop.sqlite").execute("select first, last from person order by id").fetchall(); assert r == [("Ada", "Example"), ("Bo", "Example"), ("Cher", "")], r' && grep -q 'alter table' migrations/002.py`,
    },
    run(
      `python3 -c 'import sqlite3; print(sqlite3.connect("shop.sqlite").execute("select * from person").fetchall())'`,
    ),
    write(
      "migrations/002.py",
      'import sqlite3\nimport sys\n\ndb = sqlite3.connect(sys.argv[1])\nwith db:\n    for column in ("first", "last"):\n        db.execute(f"alter table person add column {column} text not null default \'\'")\n    for key, name in db.execute("select id, name from person").fetchall():\n        first, _, last = name.partition(" ")\n        db.execute("update person set first = ?, last = ? where id = ?", (first, last, key))\n    db.execute("alter table person drop column name")\n',
    ),
    run("cp shop.sqlite /tmp/copy.sqlite && python3 migrations/002.py /tmp/copy.sqlite"),
    run(
      `python3 migrations/002.py shop.sqlite && python3 -c 'import sqlite3; print(sqlite3.connect("shop.sqlite").execute("select * from person").fetchall())'`,
    ),
  ),
  task(
    {
      name: "change one line of a large file",
      needs: ["python3"],
      make: "seq 200000 | sed 's/.*/key_& = value &/' >settings.txt",
      issue: "key_123456 must be off.",
      check: `[ "$(sed -n 123456p settings.txt)" = 'key_123456 = off' ] && [ "$(wc -l <settings.txt)" = 200000 ] && [ "$(git diff --numstat)" = "$(printf '1\\t1\\tsettings.txt')" ]`,
    },
    search("^key_123456 ", "settings.txt"),
    { tool: "read", input: { path: "settings.txt", offset: 123_455, limit: 3 }, fails: false },
    edit("settings.txt", "key_123456 = value 123456\n", "key_123456 = off\n"),
    run("git diff --numstat && python3 -c 'print(sum(1 for _ in open(\"settings.txt\")))'"),
  ),
  task(
    {
      name: "fix a C program that reads past an array, with make",
      needs: ["gcc", "make"],
      make: String.raw`printf 'CFLAGS = -g -Wall -fsanitize=undefined -fno-sanitize-recover\nsum: sum.c\n\t$(CC) $(CFLAGS) -o sum sum.c\ntest: sum\n\t[ "$$(./sum 1 2 3)" = 6 ]\n\t[ "$$(./sum)" = 0 ]\n.PHONY: test\n' >Makefile
echo sum >>.gitignore
cat >sum.c <<'X'
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  int sum = 0;
  for (int i = 1; i <= argc; i++) sum += atoi(argv[i]);
  printf("%d\n", sum);
  return 0;
}
X`,
      issue: "./sum 1 2 3 crashes with a segmentation fault on every machine I have.",
      check: "make -s test",
    },
    failing("make -s test"),
    read("sum.c"),
    edit("sum.c", "i <= argc", "i < argc"),
    run("make -s test && ./sum 40 2"),
  ),
  task(
    {
      name: "add a target to a Makefile",
      needs: ["make", "gcc"],
      make: String.raw`printf 'hello: hello.c\n\t$(CC) -o $@ $<\n' >Makefile; printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >hello.c; echo hello >>.gitignore; echo '# Hello' >README.md`,
      issue: "make install and make clean are missing; install should honour PREFIX and DESTDIR.",
      held: ["Makefile"],
      check: `make -s install DESTDIR=$PWD/../root PREFIX=/opt && [ "$(../root/opt/bin/hello)" = hello ] && make -s clean && [ ! -e hello ] && grep -q 'make install' README.md`,
    },
    read("Makefile"),
    write(
      "Makefile",
      "PREFIX = /usr/local\n\nhello: hello.c\n\t$(CC) -o $@ $<\n\ninstall: hello\n\tinstall -d $(DESTDIR)$(PREFIX)/bin\n\tinstall -m 755 hello $(DESTDIR)$(PREFIX)/bin/hello\n\nclean:\n\trm -f hello\n\n.PHONY: install clean\n",
    ),
    run("make -s install DESTDIR=/tmp/root PREFIX=/opt && /tmp/root/opt/bin/hello && make -s clean && ls"),
    edit("README.md", "# Hello", "# Hello\n\n`make install` puts it below PREFIX."),
  ),
  task(
    {
      name: "fix a shell script that breaks on spaces in names",
      needs: ["bash"],
      make: String.raw`mkdir -p photos; for n in 'a b' 'größe' plain; do echo "$n" >"photos/$n.txt"; done
printf '#!/bin/sh\n# Copies photos to a folder.\nfor f in $(ls photos); do cp photos/$f $1; done\n' >backup.sh; chmod +x backup.sh`,
      issue: "backup.sh says: cp: cannot stat 'photos/a'.",
      check: `mkdir -p '../to here' && ./backup.sh '../to here' && diff -r photos '../to here'`,
    },
    failing("mkdir -p '/tmp/to here' && ./backup.sh '/tmp/to here'"),
    write(
      "backup.sh",
      '#!/bin/sh\n# Copies photos to a folder.\nset -eu\nfor f in photos/*; do cp -- "$f" "$1"; done\n',
    ),
    run("./backup.sh '/tmp/to here' && diff -r photos '/tmp/to here' && ls -l backup.sh"),
  ),
];
