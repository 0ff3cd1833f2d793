#!/usr/bin/env python3
"""Two bsv nodes on 127.0.0.1. bsv_bench.py BSV WORK CORPUS_DIR NAME ROUND MAKE_CORPUS BIG_V2_OR_- CSV LATENCY(0/1) TIMEOUT_S
As for the others, the clock of the initial sync starts before A has looked at its data: B has joined and mapped an empty directory, A maps
its own, makes its first snapshot, and the two exchange; it stops when both nodes show one state id and B's files are A's by count and bytes. Later steps: `bsv sync` with nothing changed; 1 % changed under the watch (until both show one new state)."""
import sys,os,json,time,subprocess,shutil
sys.path.insert(0,os.path.dirname(os.path.abspath(__file__))); import meter
BSV,W,SRC,NAME,RND,MK,V2,CSV,LAT,TMO=sys.argv[1:11]; TMO=float(TMO)
PORT=int(os.environ.get('BSV_PORT','28484'))
def link(a,b):
    try: os.link(a,b)
    except OSError: shutil.copyfile(a,b)
shutil.rmtree(W,ignore_errors=True); os.makedirs(W)
A,B=f'{W}/a',f'{W}/b'; os.makedirs(B)
if V2!='-': os.makedirs(A); [link(f'{SRC}/{f}',f'{A}/{f}') for f in os.listdir(SRC)]
else: subprocess.run(['cp','-a',SRC,A],check=True)
subprocess.run(f'find {A} -type f -print0 | xargs -0 cat > /dev/null; sync',shell=True)
def bsv(n,*a,check=True):
    p=subprocess.run([BSV,'--home',f'{W}/h{n}','--json',*a],capture_output=True,text=True)
    if check and p.returncode: sys.exit(f'bsv {a}: exit {p.returncode}: {p.stderr}')
    return json.loads(p.stdout) if p.stdout.strip() else None
P=[]
def node(n):
    P.append(subprocess.Popen([BSV,'--home',f'{W}/h{n}','node','--no-mdns','--listen',f'/ip4/127.0.0.1/tcp/{PORT+n}'],stdout=open(f'{W}/log{n}','w'),stderr=subprocess.STDOUT))
    for _ in range(200):
        if os.path.exists(f'{W}/h{n}/bsv.sock'): return
        time.sleep(0.05)
    sys.exit(f'node {n} does not answer: '+open(f'{W}/log{n}').read()[-500:])
def tally(d):
    n=b=0
    for p,ds,fs in os.walk(d):
        for f in fs:
            if f=='.bsvmap' or f.startswith('.bsv-'): continue
            s=os.lstat(f'{p}/{f}'); n+=1; b+=s.st_size
    return n,b
def cpu(): return [meter.tree_cpu(p.pid) for p in P]
def row(step,w,c,note=''):
    c=[meter.tree_cpu(p.pid)-x for p,x in zip(P,c)]; r=[meter.tree_rss(p.pid) for p in P]
    l=f'bsv,{NAME},{RND},{step}{note},{w:.3f},{c[0]:.2f},{c[1]:.2f},{r[0]},{r[1]}'; print(l,flush=True); open(CSV,'a').write(l+'\n')
def state(n): return bsv(n,'status').get('state')
def arrived(): return V2=='-' or tally(B)==want   # one large file: asking the nodes all the time would take a third of a core from them
def wait(t0,done):
    while time.monotonic()-t0<TMO:
        if done(): return ''
        time.sleep(0.05)
    return '(timeout)'
try:
    node(0); node(1)
    ticket=bsv(0,'invite')['ticket']
    bsv(1,'join',ticket)
    bsv(1,'map','add','/data',B)
    want=tally(A)
    c=cpu(); t0=time.monotonic()
    bsv(0,'map','add','/data',A); bsv(0,'snapshot')
    x=wait(t0,lambda: arrived() and state(0) and state(0)==state(1) and tally(B)==want); row('1-initial',time.monotonic()-t0,c,x)
    c=cpu(); t0=time.monotonic(); bsv(0,'sync'); row('2-unchanged',time.monotonic()-t0,c)
    s=state(0)
    c=cpu(); t0=time.monotonic()
    if V2!='-':
        for f in os.listdir(V2): os.unlink(f'{A}/{f}'); link(f'{V2}/{f}',f'{A}/{f}')
    else: subprocess.run(['bash',MK,'mutate',A],check=True,env={**os.environ,'ROUND':'1'})
    t0=time.monotonic(); want=tally(A)
    bsv(0,'sync')
    x=wait(t0,lambda: arrived() and state(0)!=s and state(0)==state(1) and tally(B)==want); row('3-changed1pct',time.monotonic()-t0,c,x)
    d=subprocess.run(['diff','-rq','--no-dereference','--exclude=.bsvmap',A,B],capture_output=True,text=True).stdout; print('verify:','same' if not d else d[:300],flush=True)
    if LAT=='1':
        for i in range(20):
            s=f'save {i}\n'; time.sleep(1); c=cpu(); t0=time.monotonic(); open(f'{A}/latency.txt','w').write(s); ok=''
            while True:
                try:
                    if open(f'{B}/latency.txt').read()==s: break
                except OSError: pass
                if time.monotonic()-t0>90: ok='(timeout)'; break
                time.sleep(0.005)
            row('4-latency',time.monotonic()-t0,c,ok)
    c=cpu(); t0=time.monotonic(); time.sleep(10); row('5-idle10s',time.monotonic()-t0,c)
finally:
    for p in P: p.terminate()
    for p in P:
        try: p.wait(20)
        except Exception: p.kill()
