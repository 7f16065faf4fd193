/* tests/storm/reader.c - storm-reader STORE: a program that opened a server's store to read, began,
 * and never came back: it says `reading` and waits to be killed. STORE is DIR/store. */
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    int rc = argc == 2 ? mdb_env_create(&env) : EOF;
    if (rc == 0)
        rc = mdb_env_set_maxdbs(env, 64);
    if (rc == 0)
        rc = mdb_env_open(env, argv[1], MDB_RDONLY, 0600);
    if (rc == 0)
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        fprintf(stderr, "storm-reader: %s\n", mdb_strerror(rc));
        return 1;
    }
    puts("reading");
    (void)fflush(stdout);
    for (;;)
        (void)pause();
}
