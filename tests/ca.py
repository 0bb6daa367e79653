#!/usr/bin/python3
"""A certification authority for tests: good certificates and every kind of bad one.

    ca.py DIRECTORY [STAMP]   makes the standard set (see STANDARD) there, NAME.pem with chain and NAME.key,
                              and then the empty file STAMP

As a module: Authority(directory) makes an authority of its own, .issue(name, ...) a certificate.
Everything is made with the openssl command when a test runs; nothing here is secret or kept.
"""
import hashlib
import os
import subprocess
import sys

NAMES = ['mx.example.org', 'mx1.example.net', 'localhost']
GOOD, FAR = '20200101000000Z', '20491231235959Z'

CONFIG = '''
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {cn}
[ca]
default_ca = authority
[authority]
database = {home}/index
new_certs_dir = {home}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = optional
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[middle]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical, CA:FALSE
{extra}
'''


def openssl(*arguments):
    done = subprocess.run(['openssl', *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'openssl {" ".join(arguments)}: {done.stderr}')
    return done.stdout


def key_digest(key):
    """SHA-256 of the public key, as TLSA records 3 1 1 have it."""
    public = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], capture_output=True, check=True)
    return hashlib.sha256(public.stdout).hexdigest()


class Authority:
    """A root, and on demand intermediates. Its files lie in directory/name.*"""

    def __init__(self, directory, name='ca', kind='ec'):
        self.directory, self.name = str(directory), name
        self.home = os.path.join(self.directory, f'.{name}')
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, 'index'), 'w', encoding='ascii'):
            pass
        self._sign(name, f'{name} of the tests', 'root', '', kind, GOOD, FAR, 'sha256', None)
        self.pem = self._path(name + '.pem')

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _key(self, name, kind):
        path = self._path(name + '.key')
        if not os.path.exists(path):
            if kind == 'ec':
                options = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
            else:
                options = ['-algorithm', 'RSA', '-pkeyopt', f'rsa_keygen_bits:{kind[3:]}']
            openssl('genpkey', *options, '-out', path)
        return path

    def _sign(self, name, cn, section, extra, kind, start, end, digest, issuer):
        """issuer: whose NAME.pem and NAME.key sign; None: itself."""
        config, request = os.path.join(self.home, name + '.conf'), os.path.join(self.home, name + '.csr')
        with open(config, 'w', encoding='ascii') as file:
            file.write(CONFIG.format(cn=cn, home=self.home, extra=extra))
        key = self._key(name, kind)
        openssl('req', '-new', '-config', config, '-key', key, '-out', request)
        signer = ['-selfsign', '-keyfile', key] if issuer is None else [
            '-cert', self._path(issuer + '.pem'), '-keyfile', self._path(issuer + '.key')]
        openssl('ca', '-batch', '-notext', '-config', config, '-extensions', section, '-in', request,
                '-startdate', start, '-enddate', end, '-md', digest, *signer, '-out', self._path(name + '.pem'))

    def _append(self, name, others):
        with open(self._path(name + '.pem'), 'a', encoding='ascii') as file:
            for other in others:
                with open(self._path(other + '.pem'), encoding='ascii') as source:
                    file.write(source.read())

    def middle(self, name):
        """An intermediate authority: issue(..., issuer=name, chain=[name]) uses it."""
        self._sign(name, f'{name} of the tests', 'middle', '', 'ec', GOOD, FAR, 'sha256', self.name)

    def issue(self, name, dns=None, cn=None, kind='ec', start=GOOD, end=FAR, digest='sha256', issuer='',
              chain=(), usage='serverAuth', padding=0):
        """Writes name.pem (with the certificates of `chain` behind it) and name.key; returns both paths.
        dns: the DNS-IDs ([] for none); issuer: another authority's name, None for self-signed."""
        dns = NAMES if dns is None else dns
        lines = [f'extendedKeyUsage = {usage}']
        if dns:
            lines.append('subjectAltName = ' + ', '.join('DNS:' + one for one in dns))
        if padding:
            lines.append('nsComment = ' + 'x' * padding)
        self._sign(name, cn or (dns[0] if dns else 'nobody'), 'leaf', '\n'.join(lines), kind, start, end, digest,
                   self.name if issuer == '' else issuer)
        self._append(name, chain)
        return self._path(name + '.pem'), self._path(name + '.key')


# What `ca.py DIRECTORY` makes, by name; ca.pem holds the trusted root, other.pem an untrusted one.
STANDARD = {
    'good': {},
    'renewed': {},
    'rsa': {'kind': 'rsa2048'},
    'expired': {'end': '20210101000000Z'},
    'early': {'start': '20480101000000Z'},
    'wrong': {'dns': ['elsewhere.example']},
    'wildcard': {'dns': ['*.example.org']},
    'nosan': {'dns': [], 'cn': 'mx.example.org'},
    'commonname': {'dns': ['elsewhere.example'], 'cn': 'mx.example.org'},
    'unknown': {'issuer': 'other', 'chain': ['other']},
    'selfsigned': {'issuer': None},
    'sha1': {'digest': 'sha1'},
    'weakkey': {'kind': 'rsa1024'},
    'client': {'usage': 'clientAuth', 'dns': ['sender.example.com']},
    'chained': {'issuer': 'middle', 'chain': ['middle']},
    'rooted': {'issuer': 'middle', 'chain': ['middle', 'ca']},
    'broken': {'issuer': 'middle'},
    'anchored-wrong': {'dns': ['elsewhere.example'], 'chain': ['ca']},
    'anchored-expired': {'end': '20210101000000Z', 'chain': ['ca']},
    'anchored-sha1': {'digest': 'sha1', 'chain': ['ca']},
    'anchored-nosan': {'dns': [], 'cn': 'mx.example.org', 'chain': ['ca']},
    'padding': {'padding': 11000},
    'long': {'chain': ['padding'] * 6},
}


def standard(directory):
    os.makedirs(directory, exist_ok=True)
    authority = Authority(directory)
    Authority(directory, 'other')
    authority.middle('middle')
    for name, options in STANDARD.items():
        authority.issue(name, **options)


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    standard(sys.argv[1])
    for stamp in sys.argv[2:]:
        with open(stamp, 'w', encoding='ascii'):
            pass
