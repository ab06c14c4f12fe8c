import json, re, zlib, mmap, tempfile
d = {str(i): [i * i, "x" * (i % 50)] for i in range(3000)}
print(len(zlib.compress(json.dumps(d).encode())))
f = tempfile.TemporaryFile(); f.truncate(20000); m = mmap.mmap(f.fileno(), 0); m[100:105] = b"hello"
print(f.seek(100), f.read(5)); f.seek(5000); f.write(b"through the file"); f.flush()
m[5000:5016]; m.resize(60000); m[50000] = 7; del d
import gc, signal, os; gc.collect(); signal.signal(signal.SIGUSR1, lambda *a: None); os.kill(os.getpid(), signal.SIGUSR1)
