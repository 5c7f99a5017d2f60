import type { Journey } from "./journey.ts";

/** Compilers of C, Rust and Java with the tools around them. */
export const NATIVE: readonly Journey[] = [
  {
    name: "c: make with several jobs, a broken file, an incremental build",
    needs: ["gcc", "make", "bash"],
    setup: String.raw`for i in $(seq 12); do echo "int f$i(void) { return $i; }" >f$i.c; done
{ echo '#include <stdio.h>'; for i in $(seq 12); do echo "int f$i(void);"; done; echo 'int main(void) { int s = 0;'; for i in $(seq 12); do echo "s += f$i();"; done; echo 'printf("%d\n", s); return 0; }'; } >main.c
printf 'OBJS := $(patsubst %%.c,%%.o,$(wildcard *.c))\nprog: $(OBJS)\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t@echo CC $<\n\t@$(CC) -O1 -c -o $@ $<\nclean:\n\trm -f *.o prog\n.PHONY: clean\n' >Makefile; printf '*.o\nprog\n' >.gitignore`,
    steps: [
      "make -s -j4 | sort && ./prog",
      "sleep 0.02; touch f3.c; make -s -j4; make -q && echo current",
      "echo 'int f4(void) { return }' >f4.c; make -s prog; make -k -s prog 2>/dev/null; git checkout -q f4.c",
      "touch f4.c; make -s -j2 && ./prog; make clean >/dev/null; ls | wc -l",
    ],
  },
  {
    name: "c: sanitizers report what they find",
    needs: ["gcc", "bash"],
    setup: String.raw`printf '#include <stdlib.h>\nint main(int c, char **v) { char *p = malloc(8); p[c * 8] = 1; free(p); return 0; }\n' >over.c
printf '#include <stdio.h>\nint main(int c, char **v) { int big = 2147483647; big += c; printf("%%d\\n", big); return 0; }\n' >ub.c
printf '#include <pthread.h>\nint n; void *f(void *x) { for (int i = 0; i < 1000; i++) n++; return x; }\nint main(void) { pthread_t a, b; pthread_create(&a, 0, f, 0); pthread_create(&b, 0, f, 0); pthread_join(a, 0); pthread_join(b, 0); return 0; }\n' >race.c`,
    steps: [
      "gcc -g -fsanitize=address over.c -o /tmp/over && /tmp/over >/tmp/asan.txt 2>&1; echo $?; grep -o 'heap-buffer-overflow' /tmp/asan.txt | head -1; grep -o 'over.c:2' /tmp/asan.txt | head -1",
      "gcc -g -fsanitize=undefined ub.c -o /tmp/ub && /tmp/ub; gcc -fsanitize=undefined -fno-sanitize-recover ub.c -o /tmp/ub && /tmp/ub >/dev/null 2>&1; echo $?",
      "gcc -g -fsanitize=thread race.c -o /tmp/race && /tmp/race >/tmp/tsan.txt 2>&1; echo $?; grep -o 'WARNING: ThreadSanitizer: data race' /tmp/tsan.txt | head -1",
    ],
  },
  {
    name: "c: shared libraries, threads, mapped files, pipes between forks",
    needs: ["gcc", "bash"],
    setup: String.raw`echo 'int twice(int n) { return 2 * n; }' >lib.c
printf '#include <dlfcn.h>\n#include <stdio.h>\nint main(void) { void *h = dlopen("./libt.so", RTLD_NOW); int (*f)(int) = dlsym(h, "twice"); printf("%%d\\n", f(21)); return 0; }\n' >dl.c
cat >all.c <<'X'
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
static int n; static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *add(void *x) { for (int i = 0; i < 10000; i++) { pthread_mutex_lock(&m); n++; pthread_mutex_unlock(&m); } return x; }
int main(void) {
  pthread_t t[8]; for (int i = 0; i < 8; i++) pthread_create(&t[i], 0, add, 0); for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
  printf("%d\n", n);
  int fd = open("map.bin", O_RDWR | O_CREAT | O_TRUNC, 0644); if (ftruncate(fd, 8192)) return 1;
  char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); strcpy(p + 4096, "mapped"); msync(p, 8192, MS_SYNC);
  char b[7] = {0}; if (pread(fd, b, 6, 4096) != 6) return 1; printf("%s\n", b);
  int pipes[2], pair[2]; if (pipe(pipes) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
  sem_t *s = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); sem_init(s, 1, 0);
  fflush(stdout);
  if (!fork()) { if (write(pipes[1], "from the child", 15) != 15 || write(pair[1], "pair", 5) != 5) _exit(1); sem_post(s); _exit(4); }
  char c[15], d[5]; sem_wait(s); if (read(pipes[0], c, 15) != 15 || read(pair[0], d, 5) != 5) return 1;
  int status; wait(&status); printf("%s %s %d\n", c, d, WEXITSTATUS(status));
  return 0;
}
X`,
    steps: [
      "gcc -shared -fPIC -o libt.so lib.c && gcc -o dl dl.c -ldl && ./dl",
      "gcc -Wall -pthread -o all all.c && ./all && ls -l map.bin | awk '{print $5}'",
      "echo 'int twice(int); int main(void) { return twice(4); }' >use.c && gcc use.c -L. -lt -o use && ./use 2>/dev/null; echo $?; LD_LIBRARY_PATH=. ./use; echo $?",
      "ar rcs libt.a map.bin 2>/dev/null; nm -D libt.so | grep -c twice; ulimit -c; ./dl | od -c | head -2; rm -f dl all use libt.a libt.so",
    ],
  },
  {
    name: "c: unix sockets in the checkout and in /tmp, between calls",
    needs: ["gcc", "python3", "bash"],
    setup: String.raw`cat >server.c <<'X'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int s = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr_un a = {AF_UNIX}; strcpy(a.sun_path, argv[1]); unlink(argv[1]);
  if (bind(s, (void *)&a, sizeof a) || listen(s, 5)) { perror("bind"); return 1; }
  close(creat(argv[2], 0600));
  for (int i = 0; i < 2; i++) { int c = accept(s, 0, 0); char b[100]; ssize_t n = read(c, b, 100); for (ssize_t j = 0; j < n; j++) b[j] ^= 32; if (write(c, b, n) != n) return 1; close(c); }
  unlink(argv[1]); return 0;
}
X
printf 'import socket, sys\ns = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"swap"); print(s.recv(100).decode())\n' >ask.py`,
    steps: [
      "gcc -o /tmp/server server.c && { /tmp/server /tmp/s.sock /tmp/up1 & /tmp/server ./c.sock /tmp/up2 & } && until [ -e /tmp/up1 ] && [ -e /tmp/up2 ]; do sleep 0.02; done; ls -F c.sock",
      "python3 ask.py /tmp/s.sock; python3 ask.py /tmp/s.sock",
      "python3 ask.py c.sock; python3 ask.py ./c.sock; while [ -e c.sock ] || [ -e /tmp/s.sock ]; do sleep 0.02; done; ls c.sock /tmp/s.sock",
      "python3 ask.py /tmp/s.sock 2>&1 | tail -1",
    ],
  },
  {
    name: "cmake: configure, build in its own folder, test",
    needs: ["cmake", "gcc", "make", "bash"],
    setup: String.raw`printf 'cmake_minimum_required(VERSION 3.10)\nproject(demo C)\nenable_testing()\nadd_library(sum STATIC sum.c)\nadd_executable(check check.c)\ntarget_link_libraries(check sum)\nadd_test(NAME check COMMAND check)\n' >CMakeLists.txt
echo 'int sum(int a, int b) { return a + b; }' >sum.c; echo 'int sum(int, int); int main(void) { return sum(2, 2) != 4; }' >check.c; echo build >.gitignore`,
    steps: [
      "cmake -S . -B build >/dev/null && ls build/Makefile",
      "cmake --build build --parallel 4 >/dev/null && build/check; echo $?",
      "cd build && ctest 2>&1 | grep 'tests passed'",
      "sed -i 's/a + b/a - b/' ../sum.c; make -s >/dev/null; ctest 2>&1 | grep 'tests passed'; cd ..; rm -rf build",
    ],
  },
  {
    name: "cargo: a new package is built, tested and run offline",
    needs: ["cargo", "rustc", "gcc", "bash"],
    steps: [
      "cargo new --offline --quiet --vcs none adder && find adder -type f | sort",
      "cd adder && cargo run --offline --quiet",
      String.raw`printf 'pub fn add(a: u32, b: u32) -> u32 { a - b }\n#[cfg(test)] mod tests { #[test] fn adds() { assert_eq!(super::add(3, 2), 5); } }\n' >src/lib.rs; cargo test --offline --quiet --lib >/tmp/cargo.txt 2>&1; echo $?; grep -o '[0-9]* passed; [0-9]* failed' /tmp/cargo.txt`,
      "sed -i 's/a - b/a + b/' src/lib.rs; cargo test --offline --quiet --lib 2>&1 | grep -o '[0-9]* passed; [0-9]* failed'",
      "cargo build --offline --release --quiet && target/release/adder && ls target; echo 'let x = ;' >>src/main.rs; cargo check --offline --quiet 2>/dev/null; echo $?",
    ],
  },
  {
    name: "java: compiled, packed, run; one file run directly",
    needs: ["java", "javac", "jar", "bash"],
    setup: String.raw`mkdir -p src/app; printf 'package app;\npublic class Main { public static void main(String[] a) throws Exception { System.out.println("sum " + java.util.stream.IntStream.rangeClosed(1, 100).sum()); var t = new Thread(() -> System.out.println("thread")); t.start(); t.join(); } }\n' >src/app/Main.java
printf 'class One { public static void main(String[] a) { System.out.println(a.length); System.exit(5); } }\n' >One.java; echo out >.gitignore`,
    steps: [
      "javac -d out src/app/Main.java && java -cp out app.Main",
      "jar --create --file app.jar --main-class app.Main -C out . && java -Xmx256m -jar app.jar",
      "java One.java a b c; echo $?",
      "sed -i 's/public static/public statik/' src/app/Main.java; javac -d out src/app/Main.java 2>&1 | head -1; rm -rf out app.jar",
    ],
  },
];
